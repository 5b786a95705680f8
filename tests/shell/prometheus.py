"""A real Prometheus for the tests of this folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx
import pytest
from daemon import PROMETHEUS_MISSING, until

DEAD = "127.0.0.1:1"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Prometheus:
    """A Prometheus with this configuration; it looks every second at itself and at what else is to be scraped.

    `alerts` are alerting rules, evaluated every second too; what fires is posted to `posts_to` every second.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        targets: Mapping[str, str],
        more: str = "",
        alerts: str = "",
        posts_to: str = "",
    ) -> None:
        folder.mkdir()
        self._log = folder / "log"
        jobs = {"self": f"127.0.0.1:{port}", **targets}
        lines = [f'  - {{ job_name: {name}, static_configs: [ targets: ["{at}"] ] }}' for name, at in jobs.items()]
        if alerts:
            (folder / "alerts.yml").write_text(alerts)
            more += "rule_files: [alerts.yml]\nalerting:\n  alertmanagers:\n"
            more += f'    - static_configs: [ targets: ["{posts_to.removeprefix("http://")}"] ]\n'
        every = "global: { scrape_interval: 1s, evaluation_interval: 1s }\nscrape_configs:\n"
        (folder / "prometheus.yml").write_text(every + "\n".join(lines) + f"\n{more}")
        argv = [_binary(), "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--rules.alert.resend-delay=1s"]
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


def _binary() -> str:
    found = shutil.which("prometheus")
    if found is None:
        (pytest.fail if os.environ.get("RTMD_CI") else pytest.skip)(PROMETHEUS_MISSING)
    return found
