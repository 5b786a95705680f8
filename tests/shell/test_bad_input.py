"""What no sender should send, sent to the real daemon: refused with a reason, counted, and it goes on (issue 1)."""

from __future__ import annotations

import contextlib
import math
import random
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from daemon import Make, Rtmd, save
from sink import Sink

from rtmd.formats.compression import encode_snappy
from rtmd.formats.remote_write import encode_write

RULE = """
[rules.level]
signal = 'm'
reopen = "0s"
[rules.level.seconds]
above = 10
"""
WRITE, SAMPLES = "/api/v1/write", "/api/v1/samples"
GZIP = {"Content-Encoding": "gzip"}
M = {"__name__": "m"}


@pytest.fixture
def rtmd(make: Make, sink: Sink) -> Rtmd:
    return make(sink.config, {"r.toml": RULE}).start()


def still_works(rtmd: Rtmd, sink: Sink) -> None:
    """Samples in, a notification out."""
    rtmd.assert_running()
    sink.received.clear()
    rtmd.client.send("m", 20, brand="after")
    sink.wait_for("firing", "level")
    rtmd.client.send("m", 0, brand="after")
    sink.wait_for("resolved", "level")
    assert "Traceback" not in rtmd.log


def series(count: int = 1, labels: int = 0, time: int = 0, value: float = 1.0) -> bytes:
    """A packed remote_write post."""
    extra = {f"l{number}": "x" for number in range(labels)}
    posts = [({**M, "n": str(number), **extra}, [(time, value)]) for number in range(count)]
    return bytes(encode_snappy(encode_write(posts)))


BAD_POSTS = [
    (WRITE, b"", "bad_snappy"),
    (WRITE, b"\xff\xff\xff\xff\x0f" + b"x" * 10, "body_too_large"),  # says that it is 4 GiB
    (WRITE, random.Random(1).randbytes(1000), "bad_snappy"),  # noqa: S311  # any bytes do
    (WRITE, bytes(encode_snappy(b"\x0a\xff\xff\xff\xff\x0f")), "bad_protobuf"),
    (WRITE, series()[:-3], "bad_snappy"),
    (SAMPLES, b"", "bad_json"),
    (SAMPLES, b"[" * 100_000, "bad_sample"),
    (SAMPLES, b'{"metric": "m", "value": NaN}', "bad_json"),
    (SAMPLES, b'{"metric": "m", "value": 1e400}', "bad_sample"),
    (SAMPLES, b'{"metric": "m", "value": "a lot"}', "bad_sample"),
    (SAMPLES, b'{"metric": "m", "value": 1, "time": %d}' % 2**63, "bad_sample"),
    (SAMPLES, b'{"metric": "m\xff", "value": 1}', "bad_utf8"),
]


def test_posts_that_are_not_what_they_should_be_are_refused_and_counted_by_reason(rtmd: Rtmd, sink: Sink) -> None:
    for number, (path, body, reason) in enumerate(BAD_POSTS):
        before = rtmd.client.metrics().get(f'rtmd_dropped_total{{reason="{reason}"}}', 0)
        answer = rtmd.client.http.post(path, content=body)
        assert 400 <= answer.status_code < 500, number
        assert answer.json()["reason"] == reason, (number, answer.text)
        assert rtmd.client.metrics()[f'rtmd_dropped_total{{reason="{reason}"}}'] == before + 1
    still_works(rtmd, sink)


def test_huge_bodies_are_refused_before_they_are_held(rtmd: Rtmd, sink: Sink) -> None:
    large = b"x" * 10 * 1024**2
    for path in (WRITE, SAMPLES, "/api/rtmd/v1/silence"):
        assert rtmd.client.http.post(path, content=large).status_code == 413, path
    bomb = subprocess.run(["gzip", "-c"], input=b"0" * 64 * 1024**2, capture_output=True, check=True).stdout
    answer = rtmd.client.http.post(SAMPLES, content=bomb, headers=GZIP)
    assert answer.status_code in (400, 413), answer.text
    assert rtmd.client.metrics()['rtmd_dropped_total{reason="body_too_large"}'] >= 2
    still_works(rtmd, sink)


def test_strange_values_times_and_label_sets_are_taken_or_counted(rtmd: Rtmd, sink: Sink) -> None:
    def write(body: bytes) -> httpx.Response:
        return rtmd.client.http.post(WRITE, content=body)

    now = rtmd.client.status().at
    assert write(series(value=math.nan, time=now)).status_code == 204
    assert write(series(value=math.inf, time=now + 1)).status_code == 204
    assert sink.wait_for("firing", "level").alert.firing.labels["n"] == "0"  # infinity is above 10, NaN above nothing
    assert write(series(value=-math.inf, time=now + 2)).status_code == 204
    sink.wait_for("resolved", "level")
    for strange in (2**60, -(2**60), 2**63 - 1, 1):
        assert write(series(time=strange)).status_code in (204, 400)
    assert write(series(labels=1000, time=now)).status_code == 204
    metrics = rtmd.client.metrics()
    assert metrics['rtmd_dropped_total{reason="future"}'] >= 2
    assert metrics['rtmd_dropped_total{reason="late"}'] >= 1
    assert metrics['rtmd_dropped_total{reason="too_many_labels"}'] == 1
    still_works(rtmd, sink)


def test_an_expression_with_100000_parentheses_is_refused_by_query_and_in_a_rule_file(rtmd: Rtmd, sink: Sink) -> None:
    deep = "(" * 100_000 + "m" + ")" * 100_000
    long = rtmd.client.http.post("/api/v1/query", content=f"query={deep}")
    assert long.status_code == 413  # longer than any query may be
    answer = rtmd.client.http.post("/api/v1/query", content=f"query={deep[70_000:130_001]}")
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "bad_data"

    save(rtmd.rules / "deep.toml", f"[rules.deep]\nsignal = '{deep}'\nabove = 1\n")
    [error] = rtmd.until("the error is shown", lambda: rtmd.client.status().rule_errors)
    assert error.file.endswith("deep.toml")
    assert error.line == 2
    still_works(rtmd, sink)


def test_bytes_that_are_no_http_and_heads_that_never_end_leave_others_alone(rtmd: Rtmd, sink: Sink) -> None:
    rng = random.Random(7)  # noqa: S311  # any bytes do
    port = httpx.URL(rtmd.tcp).port
    assert port
    for length in (1, 10, 100, 1000, 100_000):
        for family, address in ((socket.AF_UNIX, str(rtmd.socket)), (socket.AF_INET, ("127.0.0.1", port))):
            assert knock(family, address, rng.randbytes(length)) in (b"", b"HTTP/1.1 4")
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(rtmd.socket))
        slow.settimeout(0.2)
        began = time.monotonic()
        while dripped(slow):
            assert time.monotonic() - began < 60, "it waits for a head for ever"
    still_works(rtmd, sink)


def knock(family: int, address: str | tuple[str, int], raw: bytes) -> bytes:
    """The first bytes of the answer; nothing where it hangs up."""
    with socket.socket(family) as sock:
        sock.connect(address)
        sock.settimeout(10)
        try:
            sock.sendall(raw + b"\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(10)
        except TimeoutError:
            raise
        except OSError:  # it hung up, before or after the last byte
            return b""


def dripped(sock: socket.socket) -> bool:
    """Send one more byte of a head, now and then; False once nobody listens any more."""
    try:
        sock.send(b"G")
        return sock.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


@pytest.fixture
def small_disk(make: Make, sink: Sink) -> Rtmd:
    """A daemon whose state folder is a disk of 2 MiB of its own, in a mount namespace that ends with it."""
    rtmd = make(sink.config, {"r.toml": RULE})
    mount = "mkdir -p state && mount -t tmpfs -o size=2m none state"
    tried = subprocess.run(["unshare", "-rm", "sh", "-c", mount], cwd=rtmd.folder, capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"no disk can be mounted here: {tried.stderr.decode().strip()}")
    return rtmd.start(["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"])


def test_on_a_full_disk_it_evaluates_and_delivers_and_answers_507_until_there_is_room(
    small_disk: Rtmd, sink: Sink
) -> None:
    rtmd = small_disk
    ballast = Path(f"/proc/{rtmd.pid}/root{rtmd.folder}/state/ballast")
    fill(ballast)

    def silence() -> int:
        return rtmd.client.http.post("/api/rtmd/v1/silence", json={"matchers": ['brand="zeta"']}).status_code

    rtmd.until("a silence is refused", lambda: silence() == 507)
    fill(ballast)  # what the database left of its last page
    still_works(rtmd, sink)
    assert any("not on disk" in notice for notice in rtmd.client.status().notices)
    save(rtmd.rules / "r.toml", RULE.replace("above = 10", "above = 30"))
    rtmd.until("the rule is reloaded", lambda: "rules reloaded" in rtmd.log)
    save(rtmd.rules / "r.toml", RULE)
    rtmd.until("it is reloaded again", lambda: rtmd.log.count("rules reloaded") == 2)
    still_works(rtmd, sink)

    ballast.unlink()
    rtmd.until("a silence is taken", lambda: silence() == 200)
    rtmd.until("the notice is gone", lambda: "not on disk" not in " ".join(rtmd.client.status().notices))
    rtmd.client.send("m", 1, brand="later")
    assert "brand=later" in rtmd.client.query("count_over_time(m[1m])")  # the sample log goes on, too
    assert rtmd.terminate() == 0


def fill(file: Path) -> None:
    """Write until there is no room."""
    with file.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(b"x" * 512)
