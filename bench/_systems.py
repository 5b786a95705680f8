"""What is compared: rtmd, Prometheus with Alertmanager, VictoriaMetrics with vmalert and Alertmanager.

Each runs with its state in a temporary folder and on loopback ports only, takes remote_write, judges the same rules
as often, and tells the same webhook at once (Alertmanager without a wait, every alert by itself). Where one of them is
not installed, it is left out and the table says so; with RTMD_CI set that is an error.

Options of the others that differ from their defaults make them faster, not slower: VictoriaMetrics answers queries
about the last second too (`-search.latencyOffset`; by default it holds back 30 s), vmalert does not store its state.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from _live import CI, FOLDER, TIED
from daemon import Rtmd, until  # the shell tests' own harness

RTMD = "rtmd"
PROMETHEUS = "Prometheus + Alertmanager"
VICTORIA = "VictoriaMetrics + vmalert"
PEERS = (PROMETHEUS, VICTORIA)
_NEEDS = {
    RTMD: (),
    PROMETHEUS: ("prometheus", "prometheus-alertmanager"),
    VICTORIA: ("victoria-metrics", "vmalert", "prometheus-alertmanager"),
}
_PATIENCE = 60.0  # seconds for a start or an end


@dataclass(frozen=True)
class Alert:
    """One rule for all of them: fires where the expression is above the threshold for so many seconds."""

    name: str
    signal: str
    above: float
    hold: int = 0
    eager: bool = False  # judged on arrival too, where that can be

    def toml(self, every: int) -> str:
        """As rtmd has it: a stage of seconds where it is judged on arrival too."""
        by_grid = every and not self.eager
        stage, grid = ("minutes", f'every = "{every}s"\n') if by_grid else ("seconds", "")
        head = f"[rules.{self.name}]\nsignal = '{self.signal}'\nreopen = \"0s\"\n[rules.{self.name}.{stage}]\n"
        return f'{head}{grid}above = {self.above:g}\nfor = "{self.hold}s"\n'

    def yaml(self) -> str:
        """As the others have it, one entry of a group."""
        return f"  - alert: {self.name}\n    expr: '{self.signal} > {self.above:g}'\n    for: {self.hold}s\n"


# Rules by file (a name without its ending).
Files = Mapping[str, Sequence[Alert]]

STANDARD: Files = {
    "standard": [Alert(f"g{n}", f'avg_over_time(m{{group="g{n}"}}[1m])', 1000, hold=10) for n in range(100)]
}


@dataclass
class System:
    """One of them, running. `port` takes remote_write and queries, `alerting` serves the rules."""

    name: str
    folder: Path
    port: int
    alerting: int
    processes: list[psutil.Process]
    log: Callable[[], str]  # what the part that judges rules has said
    every: int

    @property
    def rules(self) -> Path:
        """Where its rule files are."""
        return self.folder / "rules"

    def cpu(self) -> float:
        """User and system seconds so far, of all its processes and their children."""
        spent = 0.0
        for process in self._all():
            with suppress(psutil.NoSuchProcess):
                spent += sum(process.cpu_times()[:4])  # its own, and those of children that have ended
        return spent

    def rss(self) -> int:
        """Bytes that its processes and their children hold."""
        held = 0
        for process in self._all():
            with suppress(psutil.NoSuchProcess):
                held += process.memory_info().rss
        return held

    def _all(self) -> list[psutil.Process]:
        return [each for process in self.processes for each in (process, *process.children(recursive=True))]

    def count(self, metric: str) -> int:
        """How many series of this name its queries find."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query"
        answer = httpx.get(url, params={"query": f"count({metric})"}, timeout=_PATIENCE).json()
        return sum(int(row["value"][1]) for row in answer["data"]["result"])

    def until_found(self, metric: str, series: int) -> None:
        """Wait until its queries find so many series of this name."""
        counts: list[int] = []

        def found() -> bool:
            time.sleep(0.05)  # asking costs it something
            counts.append(self.count(metric))
            return counts[-1] == series

        until(f"{self.name} has {series} series of {metric}", found, within=_PATIENCE, why=lambda: str(counts[-3:]))

    def write(self, file: str, alerts: Sequence[Alert]) -> None:
        """Save a rule file as editors do, by a rename."""
        suffix, text = notation(self.name, alerts, self.every)
        path = self.rules / f"{file}.{suffix}"
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_text(text)
        temporary.replace(path)


def notation(system: str, alerts: Sequence[Alert], every: int) -> tuple[str, str]:
    """Ending and text of a rule file."""
    if system == RTMD:
        return "toml", "".join(alert.toml(every) for alert in alerts)
    first = alerts[0].name if alerts else "none"
    head = f"groups:\n- name: {first}\n  interval: {every or 1}s\n  rules:\n"
    return "yml", head + "".join(alert.yaml() for alert in alerts)


def missing(system: str) -> str:
    """The programs of it that are not installed; SystemExit where they have to be."""
    absent = ", ".join(name for name in _NEEDS[system] if shutil.which(name) is None)
    if absent and CI:
        raise SystemExit(f"{system} cannot be measured: {absent} not on PATH")
    return absent


def systems() -> list[str]:
    """Those that are here, in the order in which they are measured."""
    return [name for name in (RTMD, *PEERS) if not missing(name)]


@contextmanager
def running(system: str, files: Files, *, every: int = 1, hook: str = "") -> Iterator[System]:
    """It, with these rules judged every so many seconds, and a webhook for what fires.

    `every = 0` is as soon as each can: rtmd judges on arrival, the others once a second.
    """
    with tempfile.TemporaryDirectory(dir=FOLDER) as name, ExitStack() as stack:
        folder = Path(name).absolute()
        yield _STARTS[system](folder, files, every, hook, stack)


def _rtmd(folder: Path, files: Files, every: int, hook: str, stack: ExitStack) -> System:
    # Each alert is told alone, as in the peers' configuration below.
    route = '[route]\nreceiver = "hook"\ngroup_by = ["..."]\n'
    config = f'[receivers.hook]\nkind = "webhook"\nurl = "{hook}"\nstorm = "off"\n{route}' if hook else ""
    rules = {f"{file}.toml": notation(RTMD, alerts, every)[1] for file, alerts in files.items()}
    daemon = stack.enter_context(Rtmd(folder, config, rules))
    daemon.launch(TIED)
    daemon.until("it is ready", lambda: "READY=1" in "\n".join(daemon.notices.messages), within=_PATIENCE)
    port = httpx.URL(daemon.tcp).port or 0
    problems = daemon.client.http.get("/api/rtmd/v1/status").json()["rule_errors"]
    if problems:
        raise RuntimeError(f"{RTMD}: {problems[:3]}")
    return System(RTMD, folder, port, port, [psutil.Process(daemon.pid)], lambda: daemon.log, every)


def _prometheus(folder: Path, files: Files, every: int, hook: str, stack: ExitStack) -> System:
    alertmanager, notifier = _alertmanager(folder, hook, stack)
    _write_all(PROMETHEUS, folder, files, every)
    port = free_port()
    (folder / "prometheus.yml").write_text(f"""
global: {{ evaluation_interval: {every or 1}s }}
rule_files: [ "rules/*.yml" ]
alerting:
  alertmanagers:
  - static_configs: [ {{ targets: ["127.0.0.1:{notifier}"] }} ]
""")
    argv = [f"--web.listen-address=127.0.0.1:{port}", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    argv += ["--web.enable-remote-write-receiver", "--web.enable-lifecycle"]
    url = f"http://127.0.0.1:{port}"
    process = _start(folder, ["prometheus", *argv], f"{url}/-/ready", stack)

    def finds_alertmanager() -> bool:
        time.sleep(0.05)
        return bool(httpx.get(f"{url}/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"])

    if hook:  # it looks for Alertmanagers every five seconds, and drops what fires before
        until("prometheus has found its alertmanager", finds_alertmanager, within=_PATIENCE)
    return System(PROMETHEUS, folder, port, port, [process, alertmanager], _log(folder / "prometheus.log"), every)


def _victoria(folder: Path, files: Files, every: int, hook: str, stack: ExitStack) -> System:
    alertmanager, notifier = _alertmanager(folder, hook, stack)
    _write_all(VICTORIA, folder, files, every)
    port, rules = free_port(), free_port()
    argv = [f"-httpListenAddr=127.0.0.1:{port}", "-storageDataPath=data", "-search.latencyOffset=1s"]
    storage = _start(folder, ["victoria-metrics", *argv], f"http://127.0.0.1:{port}/health", stack)
    argv = [f"-httpListenAddr=127.0.0.1:{rules}", f"-datasource.url=http://127.0.0.1:{port}", "-rule=rules/*.yml"]
    argv += [f"-notifier.url=http://127.0.0.1:{notifier}", f"-evaluationInterval={every or 1}s"]
    judge = _start(folder, ["vmalert", *argv], f"http://127.0.0.1:{rules}/health", stack)
    return System(VICTORIA, folder, port, rules, [storage, judge, alertmanager], _log(folder / "vmalert.log"), every)


def _alertmanager(folder: Path, hook: str, stack: ExitStack) -> tuple[psutil.Process, int]:
    port = free_port()
    webhook = f"[ {{ url: {hook}, send_resolved: true }} ]" if hook else "[]"
    (folder / "alertmanager.yml").write_text(f"""
route: {{ receiver: hook, group_by: ["..."], group_wait: 0s, group_interval: 1m, repeat_interval: 4h }}
receivers: [ {{ name: hook, webhook_configs: {webhook} }} ]
""")
    argv = [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--storage.path=alertmanager"]
    argv += ["--config.file=alertmanager.yml"]
    return _start(folder, ["prometheus-alertmanager", *argv], f"http://127.0.0.1:{port}/-/ready", stack), port


_STARTS = {RTMD: _rtmd, PROMETHEUS: _prometheus, VICTORIA: _victoria}


def _write_all(system: str, folder: Path, files: Files, every: int) -> None:
    (folder / "rules").mkdir()
    for file, alerts in files.items():
        suffix, text = notation(system, alerts, every)
        (folder / "rules" / f"{file}.{suffix}").write_text(text)


def _start(folder: Path, argv: Sequence[str], ready: str, stack: ExitStack) -> psutil.Process:
    """A process that is ready when this URL answers; it ends with the stack."""
    path = folder / f"{argv[0]}.log"
    with path.open("wb") as log:
        process = psutil.Popen([*TIED, *argv], cwd=folder, stdout=log, stderr=log)
    stack.callback(_end, process)

    def is_ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{argv[0]} ended with {process.returncode}:\n{_log(path)()[-4000:]}")
        with suppress(httpx.TransportError):
            return bool(httpx.get(ready).status_code == 200)
        return False

    until(f"{argv[0]} is ready", is_ready, within=_PATIENCE, why=lambda: _log(path)()[-4000:])
    return process


def _end(process: psutil.Popen) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()


def _log(path: Path) -> Callable[[], str]:
    return lambda: path.read_text(errors="replace")


def free_port() -> int:
    """One that nobody listens on at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
