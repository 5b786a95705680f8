"""As much of HTTP/1.1 and server-sent events as the stream needs; bytes in, values out, no I/O.

Bodies come chunked, with a length, or until the connection closes (RFC 9112 §6, §7); events are lines `event:`,
`id:` and `data:` ended by an empty line, with any of the three line ends (WHATWG HTML §9.2.6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

HEAD_LIMIT = 65_536


class ProtocolError(Exception):
    """The other side does not speak what it should."""


class Head(Struct, frozen=True):
    """The status line and the headers (names in lower case) of a response."""

    status: int
    headers: Mapping[str, str]


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as bytes; header values must be free of line ends."""
    lines = [f"{method} {path} HTTP/1.1"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ProtocolError(f"header {name} holds a line end")
        lines.append(f"{name}: {value}")
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def parse_head(raw: bytes) -> Head:
    """Read everything before the empty line."""
    first, *rest = raw.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise ProtocolError("the answer is not HTTP")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return Head(int(parts[1]), headers)


class Body:
    """Takes the bytes of a body off its framing; `complete` once its end was seen."""

    def __init__(self, head: Head) -> None:
        self.complete = False
        self._chunked = "chunked" in head.headers.get("transfer-encoding", "").lower()
        length = head.headers.get("content-length")
        self._left: int | None = int(length) if length and length.isdigit() and not self._chunked else None
        self._buffer = bytearray()
        self._chunk = 0  # bytes left of the present chunk; -1: its line end is due
        self.complete = self._left == 0

    def feed(self, received: bytes) -> bytes:
        """The body's bytes among those received."""
        if self._chunked:
            self._buffer += received
            return b"".join(self._chunks())
        if self._left is None:
            return received
        taken = received[: self._left]
        self._left -= len(taken)
        self.complete = self._left == 0
        return taken

    def _chunks(self) -> Iterator[bytes]:
        while not self.complete:
            if self._chunk > 0:
                part = bytes(self._buffer[: self._chunk])
                if not part:
                    return
                del self._buffer[: len(part)]
                self._chunk = self._chunk - len(part) or -1
                yield part
                continue
            line = self._line()
            if line is None:
                return
            if self._chunk == -1:
                self._chunk = 0  # the line end after a chunk
                continue
            self._chunk = _chunk_size(line)
            self.complete = self._chunk == 0

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise ProtocolError("a chunk has no size")
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";", 1)[0].strip(), 16)
    except ValueError:
        raise ProtocolError("a chunk has no size") from None


class ServerEvent(Struct, frozen=True):
    """One event of the stream."""

    name: str
    id: str
    content: bytes


class EventReader:
    """Collects events from the bytes of a body, however they are cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = "message"
        self._id = ""
        self._content: list[bytes] = []

    def feed(self, received: bytes) -> Iterator[ServerEvent]:
        """Every event completed by these bytes."""
        text = self._rest + received
        # A CR at the very end may be half of a CRLF: it waits for the next bytes.
        held = text.endswith(b"\r")
        *lines, self._rest = (text[:-1] if held else text).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if held:
            self._rest += b"\r"
        for line in lines:
            if line:
                self._field(line)
                continue
            event = self._dispatch()
            if event is not None:
                yield event

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"event":
                self._name = value.decode("utf-8", "replace")
            case b"id":
                self._id = value.decode("utf-8", "replace")
            case b"data":
                self._content.append(value)
            case _:
                pass  # comments (empty name) keep the connection alive; `retry` is ours to decide

    def _dispatch(self) -> ServerEvent | None:
        content, self._content = self._content, []
        name, self._name = self._name, "message"
        return ServerEvent(name, self._id, b"\n".join(content)) if content else None
