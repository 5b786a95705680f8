"""Posts of remote_write, and who sends them. Used by the benchmarks.

Every system under measurement takes the same bytes over the same kind of connection. Whoever sends or asks is
another process than what is measured, so that its cost is never counted.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Self

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests" / "shell"))

from rtmd.formats.compression import encode_snappy
from rtmd.formats.protobuf import varint
from rtmd.formats.remote_write import encode_write

SMALL = os.environ.get("RTMD_BENCH") == "small"  # a few seconds, to see that it works
CI = bool(os.environ.get("RTMD_CI"))  # everything must be there
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else ".")  # where states are kept while they are measured
TIED = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()  # nobody outlives the benchmark
SPAWN = multiprocessing.get_context("spawn")

_TIME = 1 << 40  # as many bytes as a varint as any time of these decades
_VALUE = 1234.5
_HEADERS = (
    "Host: localhost\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
    "X-Prometheus-Remote-Write-Version: 0.1.0\r\n"
)


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


def request(raw: bytes) -> bytes:
    """The whole HTTP request for a WriteRequest."""
    body = bytes(encode_snappy(raw))
    return f"POST /api/v1/write HTTP/1.1\r\n{_HEADERS}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Post:
    """One remote_write post of some series with one sample each, of a time that is filled in.

    Every series wanders around a level of its own (below 1,000), rounded to two decimals, as gauges do.
    """

    def __init__(self, first: int, series: int = 1_000) -> None:
        numbers = range(first, first + series)
        raw = encode_write([(labels(each), [(_TIME, _VALUE)]) for each in numbers])
        self._raw = np.frombuffer(bytearray(raw), np.uint8)
        marker = np.frombuffer(varint(_TIME), np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(self._raw, len(marker))
        starts = np.flatnonzero((windows == marker).all(axis=1))
        assert len(starts) == series, "every series has one sample"  # noqa: S101  # of the frames made above
        self._times = starts[:, None] + np.arange(len(marker))
        self._values = starts[:, None] + np.arange(-9, -1)  # a fixed64, then the tag of the time
        self._levels = 100.0 + np.array(numbers) % 800
        self._random = np.random.default_rng(first)

    def at(self, at: int) -> bytes:
        """The whole HTTP request, its samples at this time (ms)."""
        values = np.round(self._levels + self._random.normal(0, 10, len(self._levels)), 2)
        self._raw[self._times] = np.frombuffer(varint(at), np.uint8)
        self._raw[self._values] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
        return request(self._raw.tobytes())


class Connection:
    """One kept-alive connection: request, answer, request, answer; made anew where the other side ends it.

    VictoriaMetrics does so every two minutes.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = _connected(port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def post(self, request: bytes) -> None:
        """Send it and wait until it is taken; RuntimeError where it is not."""
        answer = self._exchange(request)
        if not answer:
            self._socket.close()
            self._socket = _connected(self._port)
            answer = self._exchange(request)
        if b" 204 " not in answer[:20] and b" 200 " not in answer[:20]:
            raise RuntimeError(f"refused: {answer[:200]!r}")

    def _exchange(self, request: bytes) -> bytes:
        try:
            self._socket.sendall(request)
            answer = self._socket.recv(4096)
            while answer and b"\r\n\r\n" not in answer:
                answer += self._socket.recv(4096)
        except ConnectionError:
            return b""
        return answer


def _connected(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=60)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


@contextmanager
def load(port: int, series: int = 10_000) -> Iterator[None]:
    """Every series once a second, in posts of 1,000 spread over the second, from another process."""
    process = SPAWN.Process(target=_send, args=(port, series), daemon=True)
    process.start()
    try:
        yield
        if not process.is_alive():
            raise RuntimeError(f"the load ended by itself with {process.exitcode}")
    finally:
        process.kill()
        process.join()


def _send(port: int, series: int) -> None:
    posts = [Post(first) for first in range(0, series, 1_000)]
    with Connection(port) as connection:
        start, n = time.monotonic(), 0
        while True:
            connection.post(posts[n % len(posts)].at(time.time_ns() // 1_000_000))
            n += 1
            time.sleep(max(0.0, start + n / len(posts) - time.monotonic()))


def end_cleanly() -> None:
    """A benchmark that is told to end ends what it started."""

    def end(*_: object) -> NoReturn:
        raise SystemExit("ended")

    signal.signal(signal.SIGTERM, end)
