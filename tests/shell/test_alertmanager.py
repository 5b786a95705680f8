"""rtmd's alerts in a real Alertmanager: they fire there, stay for as long as they fire here, and end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import Make, feeding, until
from inbox import Inbox

from rtmd.receivers.alertmanager import fingerprint

MISSING = "there is no prometheus-alertmanager on PATH (Debian: apt-get install prometheus-alertmanager)"
RULES = """
[rules.level]
title = "Level of {host}"
signal = "level"
labels = { team = "desk" }
links = { runbook = "https://wiki.example/level" }
[rules.level.seconds]
above = 10
notify = ["alertmanager"]
[rules.level.minutes]
above = 50
for = { count = 1 }
notify = ["alertmanager"]
every = "1s"
"""
HOST = 'a "quoted" <host> ünïcode'

pytestmark = pytest.mark.alertmanager


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


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def alertmanager(tmp_path: Path, inbox: Inbox) -> Iterator[Alertmanager]:
    running = Alertmanager(tmp_path, inbox.url("/hook"))
    try:
        until("Alertmanager is up", running.up, why=running.why, within=30)
        yield running
    finally:
        running.stop()


def test_alerts_fire_in_a_real_alertmanager_for_as_long_as_they_fire_here(
    make: Make, alertmanager: Alertmanager, inbox: Inbox
) -> None:
    config = f"""
[receivers.alertmanager]
kind = "alertmanager"
url = "{alertmanager.url}"
resend = "1s"
[receivers.same]
kind = "webhook"
url = "{inbox.url("/same")}"
format = "alertmanager"
"""
    rtmd = make(config, {"r.toml": RULES.replace('notify = ["alertmanager"]', 'notify = ["alertmanager", "same"]')})
    rtmd.start()
    sample = {"metric": "level", "value": 20, "labels": {"host": HOST}}
    with feeding(rtmd, sample):
        [alert] = rtmd.until("the alert is there", alertmanager.alerts, within=20)
        assert alert["labels"] == {"alertname": "level", "host": HOST, "kind": "health", "team": "desk"}
        assert alert["annotations"]["stage"] == "seconds"
        assert alert["annotations"]["runbook_url"] == "https://wiki.example/level"
        assert alert["fingerprint"] == fingerprint(alert["labels"])
        ours = json.loads(inbox.wait("/same").body)["alerts"][0]
        assert (ours["labels"], ours["fingerprint"]) == (alert["labels"], alert["fingerprint"])
        theirs = json.loads(inbox.wait("/hook").body)
        assert theirs.keys() == json.loads(inbox.wait("/same").body).keys()
        assert theirs["alerts"][0].keys() == ours.keys()
        # It ends four seconds after it was last sent: that it is still there proves that it is sent again.
        first = alert["endsAt"]
        rtmd.until("its end moved on", lambda: [each["endsAt"] > first for each in alertmanager.alerts()] == [True])
        rtmd.kill()
        rtmd.start()
        restarted = alertmanager.alerts()[0]["endsAt"]
        rtmd.until("after a restart too", lambda: [e["endsAt"] > restarted for e in alertmanager.alerts()] == [True])

    with feeding(rtmd, {**sample, "value": 99}):
        rtmd.until(
            "it rose, as the same alert",
            lambda: [each["annotations"]["stage"] for each in alertmanager.alerts()] == ["minutes"],
        )
        found = subprocess.run(
            ["amtool", f"--alertmanager.url={alertmanager.url}", "alert", "query", "alertname=level", "-o", "json"],
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        assert [each["fingerprint"] for each in json.loads(found.stdout)] == [alert["fingerprint"]]

    with feeding(rtmd, {**sample, "value": 1}):
        rtmd.until("it is over", lambda: alertmanager.alerts() == [], within=20)
        inbox.wait("/hook", lambda each: json.loads(each.body)["status"] == "resolved")
