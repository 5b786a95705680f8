"""The real process under test: started in a folder of its own, spoken to over its Unix socket, killed at will.

    rtmd = Rtmd(tmp_path, config, {"r.toml": rules}).start()   # returns when READY=1 arrived
    rtmd.until("it fires", lambda: rtmd.client.open_firings())
    rtmd.kill(); rtmd.start()                                  # the same folder, the same state

Nothing here sleeps for a guessed time: everything waits for a condition, within a bound, and a failure shows what
the daemon said on stderr.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar

import httpx
import msgspec

from rtmd.formats.compression import encode_snappy
from rtmd.formats.remote_write import encode_write
from rtmd.wire import Done, FiringDetail, FiringView, StatusView
from rtmd.wire.audit import AuditView
from rtmd.wire.deliveries import OutboxView, ReceiverView
from rtmd.wire.noise import NoiseView
from rtmd.wire.rules import ReloadView, RuleView
from rtmd.wire.silences import SilenceView

PROMETHEUS_MISSING = "there is no prometheus on PATH (Debian: apt-get install prometheus)"
PATIENCE = 30.0  # seconds within which anything should have happened, on a busy machine
_PAUSE = 0.005
_OWN = """
[daemon]
state = "state"
listen = ["unix:rtmd.sock", "tcp:127.0.0.1:0"]
"""
_PORT = re.compile(r"serving on .*tcp:127\.0\.0\.1:(\d+)")
_METRIC = re.compile(r"^(\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)

_T = TypeVar("_T")


def until(what: str, look: Callable[[], _T], *, within: float = PATIENCE, why: Callable[[], str] = str) -> _T:
    """The first truthy thing that `look` finds; AssertionError with `what` and `why()` when there is none in time."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}\n{why()}"
        time.sleep(_PAUSE)


def passed(seconds: float) -> None:
    """Let wall time pass: for what is defined by nothing else."""
    deadline = time.monotonic() + seconds
    until(f"{seconds} s pass", lambda: time.monotonic() >= deadline, within=seconds + PATIENCE)


class Notices:
    """What the daemon told systemd: its own NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.messages: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"", str(self.path))
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while message := self._socket.recv(4096):
            self.messages.append(message.decode())


class Client:
    """The operator API over the Unix socket, typed."""

    def __init__(self, path: Path) -> None:
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost", timeout=PATIENCE
        )

    def status(self) -> StatusView:
        """`/api/rtmd/v1/status`."""
        return self._get("status", StatusView)

    def firings(self) -> list[FiringView]:
        """Open firings and those resolved lately."""
        return self._get("firings", list[FiringView])

    def open_firings(self) -> list[FiringView]:
        """Open firings."""
        return [firing for firing in self.firings() if firing.state != "resolved"]

    def firing(self, firing_id: str) -> FiringDetail:
        """Everything about one firing."""
        return self._get(f"firings/{firing_id}", FiringDetail)

    def rules(self) -> list[RuleView]:
        """The rules in force, less those that every daemon has."""
        return [rule for rule in self._get("rules", list[RuleView]) if rule.file != "built in"]

    def noise(self) -> NoiseView:
        """`/api/rtmd/v1/noise`."""
        return self._get("noise", NoiseView)

    def latest_reload(self) -> ReloadView:
        """`/api/rtmd/v1/rules/reload`."""
        return self._get("rules/reload", ReloadView)

    def silences(self) -> list[SilenceView]:
        """All silences."""
        return self._get("silences", list[SilenceView])

    def receivers(self) -> list[ReceiverView]:
        """All receivers."""
        return self._get("receivers", list[ReceiverView])

    def outbox(self) -> OutboxView:
        """What waits and what was given up."""
        return self._get("outbox", OutboxView)

    def audit(self) -> list[AuditView]:
        """Who changed what, oldest first."""
        return self._get("audit", list[AuditView])

    def query(self, expression: str) -> dict[str, float]:
        """An instant query: value by the labels, written `a=1,b=2`."""
        answer = self.http.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, answer.text
        rows = answer.json()["data"]["result"]
        return {",".join(f"{k}={v}" for k, v in sorted(row["metric"].items())): float(row["value"][1]) for row in rows}

    def metrics(self) -> dict[str, float]:
        """`/metrics`, by series text."""
        return {name: float(value) for name, value in _METRIC.findall(self.http.get("/metrics").text)}

    def send(self, metric: str, value: float, **labels: str) -> None:
        """One sample, now."""
        sample = {"metric": metric, "value": value, "labels": labels}
        answer = self.http.post("/api/v1/samples", json=sample)
        assert answer.status_code == 200, answer.text

    def change(self, verb: str, **body: object) -> str:
        """A mutation that has to succeed; gives the id it answered."""
        answer = self.http.post(f"/api/rtmd/v1/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=Done).id

    def _get(self, path: str, kind: type[_T]) -> _T:
        answer = self.http.get(f"/api/rtmd/v1/{path}")
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=kind)


class Rtmd:
    """One daemon in one folder. `config` is added to a [daemon] table with state, Unix socket and a TCP port."""

    def __init__(self, folder: Path, config: str = "", rules: Mapping[str, str] | None = None) -> None:
        self.folder = folder.absolute()
        self.rules = self.folder / "rules"
        self.socket = self.folder / "rtmd.sock"
        self.client = Client(self.socket)
        self.notices = Notices(self.folder / "notify.sock")
        self.process: subprocess.Popen[bytes] | None = None
        self._log = self.folder / "log"
        self._log_from = 0
        self.configure(config)
        self.rules.mkdir(exist_ok=True)
        for name, text in (rules or {}).items():
            (self.rules / name).write_text(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.client.http.close()
        self.notices.close()

    @property
    def log(self) -> str:
        """What the present process has said on stderr."""
        return self._log.read_bytes()[self._log_from :].decode(errors="replace") if self._log.exists() else ""

    @property
    def tcp(self) -> str:
        """The URL of the TCP listener."""
        found = self.until("a TCP address in the log", lambda: _PORT.search(self.log))
        assert found
        return f"http://127.0.0.1:{found[1]}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.process, "not started"
        return self.process.pid

    def configure(self, config: str) -> None:
        """Write rtmd.toml."""
        (self.folder / "rtmd.toml").write_text(_OWN + config)

    def launch(self, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start the process and wait for nothing."""
        env = {**os.environ, "NOTIFY_SOCKET": str(self.notices.path), "PYTHONUNBUFFERED": "1"}
        self._log_from = self._log.stat().st_size if self._log.exists() else 0
        self.notices.messages.clear()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "rtmd", "run"], cwd=self.folder, env=env, stderr=log, stdout=log
            )
        return self.process

    def start(self, prefix: Sequence[str] = ()) -> Self:
        """Start the process; returns when it is ready."""
        self.launch(prefix)
        self.noticed("READY=1")
        return self

    def noticed(self, text: str) -> str:
        """The first message to systemd, since the start, that contains this."""

        def look() -> str:
            self.assert_running()
            return next((message for message in self.notices.messages if text in message), "")

        return self.until(f"systemd is told {text}", look)

    def until(self, what: str, look: Callable[[], _T], *, within: float = PATIENCE) -> _T:
        """Wait until `look` finds something."""
        return until(what, look, within=within, why=lambda: f"the daemon said:\n{self.log[-4000:]}")

    def assert_running(self) -> None:
        """It did not end by itself."""
        assert self.process, "not started"
        assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log[-4000:]}"

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.client.http.close()
            self.client = Client(self.socket)

    def terminate(self) -> int:
        """SIGTERM; gives the exit code."""
        assert self.process, "not started"
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """The exit code of a process that is about to end."""
        assert self.process, "not started"
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.log[-4000:]}") from None

    def evaluates(self) -> None:
        """It is up, and time goes on in it."""
        self.assert_running()
        before = self.client.status().evaluated_at // 1000
        self.until("it works through a grid point", lambda: self.client.status().evaluated_at // 1000 > before)


# Makes a daemon (not started) from what is added to its rtmd.toml, and its rule files.
Make: TypeAlias = Callable[[str, Mapping[str, str]], Rtmd]


def cli(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a verb of the command line in this folder."""
    return subprocess.run(
        [sys.executable, "-m", "rtmd", *args], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


def save(path: Path, text: str) -> float:
    """Save as editors do, under another name and then renamed; gives the moment (monotonic) it was done."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    temporary.replace(path)
    return time.monotonic()


class Knocker(http.client.HTTPConnection):
    """Posts JSON to a daemon that may not be there; a connection for each post."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """To the Unix socket; unlike others it leaves nothing open where nobody listens."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(str(self._path))
        except OSError:
            sock.close()
            raise
        self.sock = sock

    def post(self, url: str, body: object) -> Any:
        """The JSON that a 2xx answered; None where it was refused, cut off or nobody was there."""
        try:
            self.request("POST", url, msgspec.json.encode(body), {"Content-Type": "application/json"})
            answer = self.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            self.close()
        return msgspec.json.decode(content) if 200 <= answer.status < 300 else None


@contextlib.contextmanager
def meanwhile(*works: Callable[[], object], every: float) -> Iterator[None]:
    """Do these again and again, each in a thread of its own."""
    stop = threading.Event()

    def repeat(work: Callable[[], object]) -> None:
        while not stop.is_set():
            work()
            stop.wait(every)

    threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def feeding(rtmd: Rtmd, *samples: Mapping[str, Any], every: float = 0.25) -> contextlib.AbstractContextManager[None]:
    """Send these samples again and again, whether or not the daemon is there."""
    return meanwhile(lambda: Knocker(rtmd.socket).post("/api/v1/samples", list(samples)), every=every)


def post_samples(
    client: httpx.Client, samples: Iterable[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]
) -> None:
    """Labels, times and values by remote_write, in one post: into a daemon, or a Prometheus."""
    series = ((dict(labels), zip(times, values, strict=True)) for labels, times, values in samples)
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    answer = client.post("/api/v1/write", content=encode_snappy(encode_write(series)), headers=headers)
    assert answer.status_code == 204, answer.text
