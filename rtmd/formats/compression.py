"""Compressed bodies, opened under a limit: `identity`, `gzip`, `snappy` (block format, as remote_write sends it).

A body says nothing true about its size until it is open, so nothing here allocates by what a body claims: snappy's
declared length is compared with the limit, and with what that many bytes could hold at best, before anything is
unpacked; gzip is unpacked piece by piece and given up as soon as it grows beyond the limit, or out of proportion.
"""

from __future__ import annotations

import zlib

import cramjam

from rtmd.errors import FormatError

_PIECE = 256 * 1024
_MAX_RATIO = 100  # metrics as text compress 10 to 30 times
_RATIO_FREE = 1024**2  # a small body may be as repetitive as it likes
_MAX_MEMBERS = 16  # gzip files may be concatenated; a body of a million empty ones is an attack
_GZIP = 31  # zlib's code for a gzip wrapper with the largest window
_SNAPPY_RATIO = 32  # a snappy copy of three bytes yields 64 at most


def decode_body(body: bytes, encoding: str, *, limit: int) -> bytes:
    """The plain bytes of a body with this Content-Encoding ("" is identity), at most `limit` of them.

    Raises FormatError with reason "body_too_large", "bad_gzip", "bad_snappy" or "unknown_encoding".
    """
    match encoding.strip().lower():
        case "" | "identity":
            return _within(body, limit)
        case "gzip" | "x-gzip":
            return _gunzip(body, limit)
        case "snappy":
            return _unsnappy(body, limit)
        case other:
            raise FormatError("unknown_encoding", f"cannot open Content-Encoding {other[:40]!r}")


def encode_snappy(plain: bytes) -> bytes:
    """Snappy block format, as remote_write wants its body."""
    return bytes(cramjam.snappy.compress_raw(plain))


def _within(plain: bytes, limit: int) -> bytes:
    if len(plain) > limit:
        raise _too_large(limit)
    return plain


def _too_large(limit: int) -> FormatError:
    return FormatError("body_too_large", f"the body has more than {limit} bytes when it is open")


def _gunzip(body: bytes, limit: int) -> bytes:
    pieces: list[bytes] = []
    rest, room = body, limit
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(_GZIP)
        room = _inflate(member, rest, pieces, room=room, allowed=max(_RATIO_FREE, _MAX_RATIO * len(body)))
        rest = member.unused_data
        if not rest:
            return b"".join(pieces)
    raise FormatError("bad_gzip", f"a gzip body of more than {_MAX_MEMBERS} members")


def _inflate(member: zlib._Decompress, packed: bytes, pieces: list[bytes], *, room: int, allowed: int) -> int:
    """Unpack one gzip member onto `pieces`; returns the room that is left."""
    start = room
    while not member.eof:
        try:
            piece = member.decompress(packed, min(_PIECE, room + 1))
        except zlib.error as error:
            raise FormatError("bad_gzip", str(error)) from error
        packed = member.unconsumed_tail
        if not piece and not packed and not member.eof:
            raise FormatError("bad_gzip", "the gzip body ends too early")
        room -= len(piece)
        if room < 0:
            raise FormatError("body_too_large", "the gzip body is larger than allowed when it is open")
        if start - room > allowed:
            raise FormatError("body_too_large", f"the gzip body grows more than {_MAX_RATIO} times")
        pieces.append(piece)
    return room


def _unsnappy(body: bytes, limit: int) -> bytes:
    declared = _declared(body)
    if declared > limit:
        raise _too_large(limit)
    if declared > _SNAPPY_RATIO * len(body):
        raise FormatError("bad_snappy", f"{len(body)} bytes of snappy cannot hold {declared}")
    try:
        plain = bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise FormatError("bad_snappy", str(error)) from error
    return _within(plain, limit)


def _declared(body: bytes) -> int:
    """The uncompressed length that a snappy block claims in its first bytes (a varint of up to 32 bits)."""
    length = 0
    for index, byte in enumerate(body[:5]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return length
    raise FormatError("bad_snappy", "the snappy body has no length")
