"""A real daemon to measure, and remote_write posts that cost their sender next to nothing. Used by the benchmarks."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests" / "shell"))

from daemon import Rtmd  # the shell tests' own harness

from rtmd.formats.compression import encode_snappy
from rtmd.formats.protobuf import varint
from rtmd.formats.remote_write import encode_write

SMALL = os.environ.get("RTMD_BENCH") == "small"  # a few seconds, to see that it works
_TIME = 1 << 40  # as many bytes as a varint as any time of these decades


@contextmanager
def running(config: str, rules: Mapping[str, str]) -> Iterator[Rtmd]:
    """A daemon with its state in the folder given on the command line, or in the present one."""
    parent = sys.argv[1] if len(sys.argv) > 1 else "."
    with tempfile.TemporaryDirectory(dir=parent) as folder, Rtmd(Path(folder), config, rules) as rtmd:
        yield rtmd.start()


class Post:
    """One remote_write post of a thousand series with one sample each, of a time that is filled in."""

    SERIES = 1_000

    def __init__(self, number: int) -> None:
        first = number * self.SERIES
        raw = encode_write([(labels(each), [(_TIME, float(each))]) for each in range(first, first + self.SERIES)])
        self._raw = np.frombuffer(bytearray(raw), np.uint8)
        self._marker = np.frombuffer(varint(_TIME), np.uint8)
        width = len(self._marker)
        windows = np.lib.stride_tricks.sliding_window_view(self._raw, width)
        starts = np.flatnonzero((windows == self._marker).all(axis=1))
        self._places = starts[:, None] + np.arange(width)

    def at(self, time: int) -> bytes:
        """The whole HTTP request, its samples at this time (ms)."""
        self._raw[self._places] = np.frombuffer(varint(time), np.uint8)
        body = bytes(encode_snappy(self._raw.tobytes()))
        head = f"POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


def labels(number: int) -> dict[str, str]:
    """Six labels, as Prometheus sends them; a hundred groups."""
    return {
        "__name__": "m",
        "group": f"g{number % 100}",
        "handler": f"/api/v1/items/{number}",
        "instance": "10.0.0.1:9100",
        "job": "node",
        "method": "get",
    }


class Connection:
    """One kept-alive connection: request, answer, request, answer."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def post(self, request: bytes) -> None:
        """Send it and wait until it is taken; RuntimeError where it is not."""
        self._socket.sendall(request)
        answer = self._socket.recv(4096)
        while answer and b"\r\n\r\n" not in answer:
            answer += self._socket.recv(4096)
        if b" 204 " not in answer[:20] and b" 200 " not in answer[:20]:
            raise RuntimeError(f"refused: {answer[:200]!r}")
