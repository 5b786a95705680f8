"""A real Alertmanager for the tests of this folder."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Self

import pytest
from daemon import until

MISSING = "there is no prometheus-alertmanager on PATH (Debian: apt-get install prometheus-alertmanager)"


class Alertmanager:
    """A server of its own, with its API and amtool."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self.port = _free_port()
        config = folder / "alertmanager.yml"
        config.write_text(
            "route:\n  receiver: hook\n  group_by: [alertname]\n  group_wait: 0s\n  group_interval: 1s\n"
            f"receivers:\n- name: hook\n  webhook_configs:\n  - url: {webhook}\n    send_resolved: true\n"
        )
        self._log = folder / "alertmanager.log"
        argv = [
            _binary(),
            f"--config.file={config}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        try:
            until("Alertmanager is up", self.up, why=self.why, within=30)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def alerts(self) -> list[dict[str, Any]]:
        """What is active there."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as answer:  # noqa: S310  # loopback
                found: list[dict[str, Any]] = json.load(answer)
        except OSError:
            return []
        return found

    def up(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def why(self) -> str:
        return self._log.read_text()[-4_000:]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def _binary() -> str:
    found = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if found is None:
        (pytest.fail if os.environ.get("RTMD_CI") else pytest.skip)(MISSING)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
