"""The noise board as it is asked for: from the store, over HTTP, and by the command line."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from fakes_api import ME, NOW, Served, config, serving
from unit.test_state_store import FIRING

from rtmd.cli import main
from rtmd.config import Role
from rtmd.model.effects import Journaled
from rtmd.model.inputs import MissReported, VerdictGiven
from rtmd.model.replace import replace
from rtmd.runtime.noise import PIECE, NoiseBoard
from rtmd.store.state import StateStore
from rtmd.wire.noise import MissView, NoiseView, RuleNoiseView, ShareView, TermView

BASE = "/api/rtmd/v1"
FROM = f"unix uid {os.geteuid()}"
DAY = 86_400_000
HOSTILE = "\x1b]52;c;x\x07[/red]\u202e\x9b"
NOISY = RuleNoiseView(
    "gc-pause",
    1204,
    172.0,
    9_000,
    ShareView(1200, 1204),
    {"seconds": ShareView(61, 100)},
    ShareView(734, 1204),
    ShareView(855, 1204),
    ShareView(0, 1204),
    noise=3,
    real=1,
    missed=[MissView(NOW, "ana", "the outage")],
    misses=1,
    rank=1,
    score=0.94,
    terms=[TermView("marked noise", ShareView(3, 1204), 0.0025), TermView("unattended", ShareView(1200, 1204), 0.5)],
)
CALM = RuleNoiseView("disk-full", 3, 0.4)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(tcp_role=Role.VIEW)) as running:
        running.desk.heard = NoiseView(7, NOW - 7 * DAY, NOW, [NOISY, CALM])
        yield running


async def rtmd(served: Served, *arguments: str, tcp: bool = False) -> Result:
    where = f"tcp:127.0.0.1:{served.port}" if tcp else str(served.path)
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, env={"RTMD_CONNECT": where})


def opened(number: int, rule: str = "surge") -> Journaled:
    return Journaled(NOW + number, "transition", rule, f"f{number}", detail={"change": "opened"})


async def test_the_board_reads_the_whole_journal_once_and_then_what_is_new(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.db")
    board = NoiseBoard(store)
    try:
        await store.commit([opened(number) for number in range(PIECE + 10)])
        await store.commit([Journaled(NOW, "told", "surge", "f1")])
        first = await board.look({"surge": None}, NOW + 5_000, 7)
        assert [(each.rule, each.firings, each.rank) for each in first.rules] == [("surge", PIECE + 10, 1)]
        assert (first.since, first.at, first.enough) == (NOW, NOW + 5_000, 5)
        read = repr(board)
        await store.commit([Journaled(NOW + 4_000, "ack", "surge", "f1"), opened(4_500, "other")])
        again = await board.look({"surge": None, "other": None}, NOW + 5_000, 7)
        assert [(each.rule, each.firings) for each in again.rules] == [("surge", PIECE + 10), ("other", 1)]
        assert repr(board) != read
        assert (await board.look({"surge": None}, NOW + 8 * DAY, 1)).rules[0].firings == 0
    finally:
        store.close()


async def test_the_board_is_served_for_the_days_that_are_asked_for(served: Served) -> None:
    answer = await served.tcp.get(f"{BASE}/noise")
    assert msgspec.json.decode(answer.content, type=NoiseView) == served.desk.heard
    await served.tcp.get(f"{BASE}/noise?days=30")
    assert served.desk.noise_of == [7, 30]
    for days in ("0", "31", "007999", "x", "-1", "1e1", "٣"):
        refused = await served.tcp.get(f"{BASE}/noise", params={"days": days})
        assert (refused.status_code, "from 1 to 30" in refused.json()["error"]) == (400, True), days


async def test_verdicts_and_misses_become_inputs_with_the_name_of_who_says_so(served: Served) -> None:
    old = replace(FIRING, id="old")
    served.desk.history["old"] = old
    await served.unix.post(f"{BASE}/verdict", json={"firing": "f1", "verdict": "real"})
    await served.unix.post(f"{BASE}/verdict", json={"firing": "old", "verdict": "noise"})
    await served.unix.post(f"{BASE}/missed", json={"rule": "mention-surge", "text": "the outage"})
    assert served.desk.asked == [
        VerdictGiven(1, ME, "f1", real=True, origin=FROM),
        VerdictGiven(2, ME, "old", real=False, past=old, origin=FROM),
        MissReported(3, ME, "mention-surge", "the outage", origin=FROM),
    ]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("verdict", {"firing": "f1", "verdict": "bad"}, 'noise or real, not "bad"'),
        ("verdict", {"firing": "", "verdict": "real"}, "name the firing"),
        ("verdict", {"firing": "f1", "verdcit": "real"}, 'did you mean "verdict"'),
        ("missed", {"rule": "", "text": "x"}, "name the rule"),
        ("missed", {"rule": "r", "text": " "}, "say what was missed"),
        ("missed", {"rule": "r", "text": "x" * 2_001}, "more than 2000"),
    ],
)
async def test_what_makes_no_sense_is_refused(served: Served, path: str, body: dict[str, str], words: str) -> None:
    answer = await served.unix.post(f"{BASE}/{path}", json=body)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text
    assert served.desk.asked == []


async def test_who_may_only_view_says_nothing(served: Served) -> None:
    for path, body in (("verdict", {"firing": "f1", "verdict": "real"}), ("missed", {"rule": "r", "text": "x"})):
        assert (await served.tcp.post(f"{BASE}/{path}", json=body)).status_code == 403


async def test_the_verb_noise_shows_the_board_and_one_rules_terms(served: Served) -> None:
    shown = (await rtmd(served, "noise")).output.splitlines()
    assert shown[1].split()[:6] == ["1", "0.94", "gc-pause", "1204", "172.0", "9s"]
    assert shown[1].split()[6:] == ["100%", "seconds:61%", "61%", "71%", "0%", "3", "noise,", "1", "real", "1"]
    assert shown[2].split()[:3] == ["-", "-", "disk-full"]
    assert shown[3] == "No score: fewer than 5 firings."
    one = (await rtmd(served, "noise", "gc-pause", "--days", "30")).output
    assert "gc-pause: 0.94 from 1204 firings" in one
    assert "unattended    1200 of 1204  +0.50" in one
    assert "says ana: the outage" in one
    assert "no score below 5" in (await rtmd(served, "noise", "disk-full")).output
    assert (await rtmd(served, "noise", "nope")).exit_code == 1
    assert json.loads((await rtmd(served, "noise", "--json")).output)["rules"][0]["score"] == 0.94
    served.desk.heard = NoiseView(7, NOW - 3_600_000, NOW, [CALM])
    assert "reaches back 60m only" in (await rtmd(served, "noise")).output


async def test_the_verbs_verdict_and_missed_say_it(served: Served) -> None:
    assert (await rtmd(served, "verdict", "f1", "noise")).output == "f1 was noise, you say.\n"
    assert "Kept with mention-surge" in (await rtmd(served, "missed", "mention-surge", "the outage")).output
    assert [type(each) for each in served.desk.asked] == [VerdictGiven, MissReported]
    assert (await rtmd(served, "verdict", "f1", "maybe")).exit_code == 2


async def test_nothing_on_the_board_acts_on_the_terminal(served: Served) -> None:
    hostile = msgspec.structs.replace(NOISY, rule=HOSTILE, missed=[MissView(NOW, HOSTILE, HOSTILE)])
    served.desk.heard = NoiseView(7, NOW - 7 * DAY, NOW, [hostile])
    for arguments in (["noise"], ["noise", HOSTILE], ["noise", "--json"]):
        output = (await rtmd(served, *arguments)).output
        assert output
        assert not set(output) & set("\x1b\x07\u202e\x9b"), arguments
