"""A real Prometheus writes its own metrics to the real daemon, and is scraped by it (issue 1)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

import httpx
import pytest
from daemon import Make, Rtmd, meanwhile, until
from sink import Sink

MISSING = "there is no prometheus on PATH (Debian: apt-get install prometheus)"
RULES = """
[rules.down]
signal = 'up == 0'

[rules.busy]
signal = 'sum by (job) (rate(prometheus_http_requests_total{handler="/-/healthy"}[$window]))'
seconds = { window = "3s", above = 1 }
coverage = 0
"""
DEAD = "127.0.0.1:1"

pytestmark = pytest.mark.prometheus


@pytest.fixture(scope="module")
def binary() -> str:
    found = shutil.which("prometheus")
    if found is None and os.environ.get("RTMD_CI"):
        pytest.fail(MISSING)
    if found is None:
        pytest.skip(MISSING)
    return found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Prometheus:
    """A Prometheus that scrapes itself and a dead target every second, and writes to rtmd."""

    def __init__(self, binary: str, folder: Path, *, port: int, writes_to: str) -> None:
        folder.mkdir()
        self._log = folder / "log"
        (folder / "prometheus.yml").write_text(f"""
global: {{ scrape_interval: 1s }}
scrape_configs:
  - {{ job_name: self, static_configs: [ targets: ["127.0.0.1:{port}"] ] }}
  - {{ job_name: dead, static_configs: [ targets: ["{DEAD}"] ] }}
remote_write:
  - {{ url: "{writes_to}/api/v1/write", queue_config: {{ batch_send_deadline: 100ms }} }}
""")
        argv = [binary, "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*argv, f"--web.listen-address=127.0.0.1:{port}"], cwd=folder, stdout=log, stderr=log
            )
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}")

    def __enter__(self) -> Self:
        until("prometheus is up", lambda: self.ask("/-/ready"), why=lambda: self._log.read_text()[-4000:])
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._http.close()

    def ask(self, path: str = "/-/healthy") -> bool:
        """One request, which it counts; whether it was answered with 200."""
        try:
            return self._http.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        self._process.terminate()
        self._process.wait(20)


def jobs(rtmd: Rtmd, rule: str) -> list[str]:
    """The jobs that the rule fires for."""
    return sorted(firing.labels["job"] for firing in rtmd.client.open_firings() if firing.rule == rule)


def test_rules_on_what_prometheus_writes_and_what_is_scraped_from_it(
    binary: str, make: Make, sink: Sink, tmp_path: Path
) -> None:
    port = free_port()
    scrape = f'[sources.page]\nkind = "scrape"\nurl = "http://127.0.0.1:{port}/metrics"\nevery = "1s"\n'
    rtmd = make(sink.config + scrape, {"r.toml": RULES}).start()
    with Prometheus(binary, tmp_path / "prometheus", port=port, writes_to=rtmd.tcp) as prometheus:
        rtmd.until("the page is scraped", lambda: rtmd.client.query('up{job="page"} == 1'))
        assert rtmd.client.query('prometheus_build_info{job="page"}').popitem()[1] == 1
        rtmd.until("it writes", lambda: rtmd.client.query('prometheus_build_info{job="self"}'))
        with meanwhile(prometheus.ask, every=0.02):
            busy = sink.wait_for("firing", "busy").alert.firing
        rtmd.until("the dead target is down", lambda: jobs(rtmd, "down") == ["dead"])
        sink.wait("the notice", lambda each: each.alert.firing.labels.get("instance") == DEAD)
        rtmd.until("it is quiet again", lambda: not jobs(rtmd, "busy"))
        resolved = sink.wait_for("resolved", "busy").alert.firing
        assert resolved.rule == busy.rule

        with meanwhile(prometheus.ask, every=0.02):
            # Prometheus counts and writes; the page brings the same counters: two instances.
            rtmd.until("both are busy", lambda: jobs(rtmd, "busy") == ["page", "self"])
            prometheus.stop()
    # It is gone, and so is every series. What is scraped says so; nothing else changes.
    end = rtmd.client.status().at + 4_000  # longer than the window
    rtmd.until("the page is down", lambda: jobs(rtmd, "down") == ["dead", "page"])
    rtmd.until("the window is empty", lambda: rtmd.client.status().evaluated_at > end)
    assert jobs(rtmd, "busy") == ["page", "self"]
    assert jobs(rtmd, "down") == ["dead", "page"]
    assert rtmd.client.status().drops == {}
