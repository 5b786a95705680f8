"""The demo without a terminal: the designed night as a text, the same byte for byte."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

import rtmd
from rtmd.cli.demo import demo
from rtmd.model.effects import FiringSaved, Journaled, Notify, RunSaved
from rtmd.model.firing import Evidence, Exemplar, Firing, StageRecord, StageState
from rtmd.model.labels import labels_of
from rtmd.model.reaction import ActionRun, Alert, Notification, NotifyReason, RunState, Told
from rtmd.model.rule import Kind, Severity, StageName
from rtmd.replay.play import Happened
from rtmd.replay.timeline import Timeline

ESCAPE = "\x1b]0;owned\x07"


def printed(*arguments: str) -> str:
    ran = CliRunner().invoke(demo, arguments)
    assert ran.exit_code == 0, ran.output
    return ran.output


@cache
def night(seed: int) -> str:
    return printed("--seed", str(seed))


@pytest.mark.parametrize("seed", [1, 2, 7, 40])
def test_every_night_shows_every_stage_and_every_kind_of_outcome(seed: int) -> None:
    text = night(seed)
    for said in (
        r"0:0[5-9]  seconds fires +mention-surge +fizz · product +[\d.]+ posts/s > 12\n +“.*” \(fizzfan_\d+, reach",
        r"0:0[5-9]  nobody is told +mention-surge +fizz · product\n",
        r"seconds: false start +mention-surge +fizz · product\n",
        r"minutes fires +mention-surge +biscuit · blackout +[\d.]+ posts/s > 10\n",
        r"seconds: confirmed +mention-surge +biscuit · blackout\n",
        r"runs draft-reply +mention-surge +biscuit · blackout\n",
        r"told desk +mention-surge +biscuit · blackout +firing\n",
        r"hours fires +mention-surge +biscuit · blackout +[\d.]+ posts/s > 8\n",
        r"minutes: confirmed +mention-surge +biscuit · blackout\n",
        r"seconds fires +reply-flood +fizz +[\d.]+ replies/s > 8\n",
        r"runs hold-queue +reply-flood +fizz\n",
        r"undoes hold-queue +reply-flood +fizz\n",
        r"seconds: handled +reply-flood +fizz\n",
        r"minutes fires +negative-share +volt +0\.\d+ > 0\.4\n",
        r"told lead +negative-share +volt +nobody has it\n",
        r"told desk, lead +negative-share +volt +resolved\n",
        r"0:02  mark event: kick-off \(by calendar\)\n",
        r"post-reply +mention-surge +biscuit · blackout proposed, for 1m\n",
        r"post-reply +mention-surge +biscuit · blackout approved by ana\n",
        r"runs post-reply +mention-surge +biscuit · blackout\n",
        r"1:27  mark post: the candle spot \(by calendar\)\n",
        r"minutes fires +backlash +volt +2 firings\n",
        r"told lead +backlash +volt +firing\n",
        r"post-reply +mention-surge +volt · product +braked by backlash\n",
        r"post-reply +mention-surge +volt · product +declined by ana\n +the moment has passed\n",
    ):
        assert re.search(said, text), said
    assert "volt · match" not in text.partition("EVENT NIGHT (")[0].replace("* jitter, nothing behind it (volt", "")


def test_it_ends_with_nothing_burning_and_the_card() -> None:
    timeline, _, card = night(1).partition("\n\nEVENT NIGHT (simulation, seed 1): what happened")
    assert re.search(r"3:\d\d  resolved +mention-surge +biscuit · blackout +after 3m\n", timeline)
    assert "rtmd alerted 6 times in 3:00 minutes: 2 confirmed, 1 false start, 1 handled\n" in card
    assert "2 proposals waited for a person: 1 approved, 1 declined\n" in card
    assert card.endswith("missed: 0 of 4\n")


def test_it_says_that_it_is_a_simulation_with_scaled_windows() -> None:
    head = "\n".join(night(3).splitlines()[:3])
    assert "simulation (seed 3)" in head
    assert "30 seconds play the minutes, 90 seconds play the hours" in head


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_night() -> None:
    assert printed("--seed", "1") == printed("--plain") == night(1)
    assert night(2) != night(1).replace("seed 1", "seed 2")


def test_its_time_never_goes_back() -> None:
    moments = [line.split()[0] for line in night(1).splitlines() if re.match(r" \d:\d\d  ", line)]
    assert len(moments) > 30
    assert moments == sorted(moments)


def test_its_lines_fit_a_terminal_but_for_what_people_wrote() -> None:
    lines = night(1).splitlines()[3:]
    assert max(len(line) for line in lines if "“" not in line) <= 80
    assert max(map(len, lines)) <= 100


def test_the_readme_shows_what_it_prints() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("## The demo")[2].split("```")[1].strip("\n").splitlines()
    assert len(shown) > 20
    assert set(shown) - {" …"} <= set(night(1).splitlines())


def test_its_rules_come_with_the_package() -> None:
    folder = Path(rtmd.__file__).parent / "shipped" / "demo"
    assert (folder / "rules" / "event-night.toml").is_file()
    assert (folder / "rtmd.toml").is_file()


def hostile() -> Firing:
    evidence = Evidence(0, (), (Exemplar(f"one\ntwo {ESCAPE}" + "x" * 200, f"me{ESCAPE}", 1.0),))
    record = StageRecord(StageName.SECONDS, StageState.FIRING, fired_at=0, value=1.0, peak=2.0, evidence=evidence)
    return Firing(
        id="f",
        version=1,
        rule="r",
        labels=labels_of({"brand": f"a{ESCAPE}"}),
        kind=Kind.RISK,
        title="",
        severity=Severity.INFO,
        stage=StageName.SECONDS,
        stages=(record,),
        active_at=0,
        fired_at=0,
        unit=f"u{ESCAPE}",
        threshold="> 0",
    )


def test_nothing_from_outside_acts_on_the_terminal() -> None:
    firing = hostile()
    run = ActionRun("r1", f"act{ESCAPE}", "f", "r", firing.labels, StageName.SECONDS, RunState.FAILED, 0, f"no{ESCAPE}")

    def moved(what: str) -> Journaled:
        detail = {"change": what, "stage": "seconds", "reason": "why"}
        return Journaled(0, "transition", "r", "f", f"seconds: {what}, why", detail)

    effects = (
        FiringSaved(firing),
        moved("stage fired"),
        moved("stage ended"),
        RunSaved(run),
        Notify(Notification("k", f"desk{ESCAPE}", 0, NotifyReason.FIRST, (Alert(firing, Told.FIRING, 1, ""),))),
        Journaled(0, "suppressed", "r", "f", f"by {ESCAPE}"),
    )
    lines = list(Timeline(lambda _: None, 0).lines(Happened(0, effects)))
    assert len(lines) == 6
    assert all(line.isprintable() for line in lines)
    assert "seconds fires        r              a␛]0;owned␇        1 u␛]0;owned␇ > 0" in lines[0]
    assert len(lines[1]) <= 100
