"""Actions of a seconds stage, run by the real daemon: once, undone, and never again after kill -9."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Make, Rtmd, meanwhile
from sink import Sink

RULE = """
[rules.level]
signal = 'm'
reopen = "0s"
[rules.level.seconds]
above = 10
run = ["hold"]
"""
# Both say what they did in one file; the action itself waits at a pipe that nobody writes to.
QUICK = "echo hold {brand} >> did"
WAITING = "echo hold {brand} >> did; mkfifo gate; read line < gate"


def actions(script: str) -> str:
    return f"""
[actions.hold]
argv = ["./act", "{{brand}}", "{script.format(brand="$1")}"]
undo = ["./act", "{{brand}}", "echo release $1 >> did"]
"""


@pytest.fixture
def daemon(make: Make, sink: Sink, request: pytest.FixtureRequest) -> Iterator[Rtmd]:
    rtmd = make(actions(request.param) + sink.config, {"r.toml": RULE})
    act = rtmd.folder / "act"
    act.write_text(f'#!/bin/sh\ncd {rtmd.folder}\neval "$2"\n')
    act.chmod(0o755)
    yield rtmd
    gate = rtmd.folder / "gate"
    if gate.exists():  # whoever still waits there was left behind by a killed daemon
        gate.write_text("go\n")


def did(folder: Path) -> list[str]:
    file = folder / "did"
    return file.read_text().splitlines() if file.exists() else []


def states(rtmd: Rtmd) -> list[str]:
    return [run.state for firing in rtmd.client.firings() for run in firing.runs]


@pytest.mark.parametrize("daemon", [QUICK], indirect=True)
def test_an_action_runs_once_and_is_undone_when_its_stage_ends_also_after_kill_9(daemon: Rtmd) -> None:
    daemon.start()
    daemon.client.send("m", 20, brand="acme")
    daemon.until("it is done", lambda: states(daemon) == ["done"])
    daemon.kill()
    daemon.start()
    daemon.client.send("m", 20, brand="acme")
    daemon.evaluates()
    assert states(daemon) == ["done"]
    assert did(daemon.folder) == ["hold acme"]

    daemon.client.send("m", 0, brand="acme")
    daemon.until("it is undone", lambda: states(daemon) == ["undone"])
    assert did(daemon.folder) == ["hold acme", "release acme"]
    daemon.client.send("m", 20, brand="acme")  # the next episode runs it again
    daemon.until("it runs again", lambda: did(daemon.folder)[2:] == ["hold acme"])


@pytest.mark.parametrize("daemon", [WAITING], indirect=True)
def test_an_action_under_way_at_kill_9_is_unknown_and_not_run_again_but_undone(daemon: Rtmd) -> None:
    daemon.start()
    daemon.client.send("m", 20, brand="acme")
    daemon.until("it is under way", lambda: did(daemon.folder) == ["hold acme"])
    assert states(daemon) == ["started"]
    daemon.kill()
    daemon.start()
    assert states(daemon) == ["unknown"]
    daemon.client.send("m", 20, brand="acme")
    daemon.evaluates()
    assert did(daemon.folder) == ["hold acme"]

    daemon.client.send("m", 0, brand="acme")
    daemon.until("it is undone", lambda: did(daemon.folder) == ["hold acme", "release acme"])
    daemon.until("it is shown as undone", lambda: states(daemon) == ["undone"])


@pytest.mark.parametrize("daemon", [QUICK], indirect=True)
def test_a_value_that_looks_like_an_option_is_refused_and_shown(daemon: Rtmd) -> None:
    daemon.start()
    daemon.client.send("m", 20, brand="--force")
    daemon.until("it failed", lambda: states(daemon) == ["failed"])
    assert did(daemon.folder) == []
    with meanwhile(lambda: daemon.client.send("m", 20, brand="acme"), every=0.1):
        daemon.until("the other one is done", lambda: "done" in states(daemon))
