"""rtmd's alerts in a real Alertmanager: they fire there, stay for as long as they fire here, and end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from alertmanager import Alertmanager
from daemon import Make, feeding
from inbox import Inbox

from rtmd.receivers.alertmanager import fingerprint

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


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def alertmanager(tmp_path: Path, inbox: Inbox) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path, inbox.url("/hook")) as running:
        yield running


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
        [before] = alertmanager.alerts()
        rtmd.start()  # on a busy machine that takes longer than the alert lives
        rtmd.until(
            "after a restart too", lambda: [e["endsAt"] > before["endsAt"] for e in alertmanager.alerts()] == [True]
        )

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
