"""Protocol buffers on the wire: tags, varints and lengths, and nothing about what they mean.

A message is a run of fields; a field is a tag (number × 8 + wire type) and a value. Wire types 0 (varint), 1
(8 bytes), 2 (length and bytes) and 5 (4 bytes) exist; the old groups (3, 4) are refused. Millions of empty fields
fit into a small body, so one reader walks a bounded number of them, however they are nested.
"""

from __future__ import annotations

from typing import TypeAlias

from rtmd.errors import FormatError

# (tag, a, b): a varint is a and ends at b; any other value is the bytes [a, b).
Field: TypeAlias = tuple[int, int, int]

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5

_SIGN = 1 << 63
_WRAP = 1 << 64
_MAX_TAG = (1 << 32) - 1


class FieldReader:
    """Walks the fields of a message and of the messages inside it, `budget` fields in all.

    Raises FormatError with reason "bad_protobuf", or "too_many_fields" when the budget is spent.
    """

    def __init__(self, raw: bytes, budget: int) -> None:
        self.raw = raw
        self.budget = budget

    def fields(self, pos: int, stop: int) -> list[Field]:
        """The fields in the bytes [pos, stop), in their order; they must end exactly at `stop`."""
        found: list[Field] = []
        left = self.budget
        while pos < stop:
            if left <= 0:
                raise FormatError("too_many_fields", "the message has more fields than one post may have")
            left -= 1
            tag, pos = self.varint(pos, stop)
            kind = tag & 7
            if tag < 8 or tag > _MAX_TAG:
                raise FormatError("bad_protobuf", f"byte {pos}: no such field number")
            if kind == VARINT:
                value, pos = self.varint(pos, stop)
                found.append((tag, value, pos))
                continue
            size = 0
            if kind == BYTES:
                size, pos = self.varint(pos, stop)
            elif kind in (EIGHT, FOUR):
                size = 8 if kind == EIGHT else 4
            else:
                raise FormatError("bad_protobuf", f"byte {pos}: wire type {kind} is not supported")
            if pos + size > stop:
                raise FormatError("bad_protobuf", f"byte {pos}: a field runs beyond its message")
            found.append((tag, pos, pos + size))
            pos += size
        self.budget = left
        return found

    def text(self, start: int, stop: int) -> str:
        """The bytes [start, stop) as text; FormatError ("bad_utf8") if they are none."""
        try:
            return self.raw[start:stop].decode()
        except UnicodeDecodeError as error:
            raise FormatError("bad_utf8", f"byte {start}: {error.reason}") from error

    def varint(self, pos: int, stop: int) -> tuple[int, int]:
        """The varint at `pos`, which must end before `stop`, and the position after it."""
        if pos < stop and (byte := self.raw[pos]) < 0x80:
            return byte, pos + 1
        value = 0
        for index, byte in enumerate(self.raw[pos : min(pos + 10, stop)]):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value % _WRAP, pos + index + 1
        raise FormatError("bad_protobuf", f"byte {pos}: a varint does not end")


def signed(value: int) -> int:
    """An int64 from its varint: two's complement."""
    return value - _WRAP if value >= _SIGN else value


def varint(value: int) -> bytes:
    """The shortest varint of an int64 or uint64."""
    value %= _WRAP
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def delimited(tag: int, payload: bytes) -> bytes:
    """A field of wire type 2."""
    return varint(tag) + varint(len(payload)) + payload
