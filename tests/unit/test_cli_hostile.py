"""What others wrote, printed by the verbs: text, on its own line, whatever is in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes_api import NOW, FakeDesk, Served, config, firing_view, serving, silence_view
from hostile import acting
from world import HOSTILE

from rtmd.cli import main
from rtmd.cli.events import Telling, line
from rtmd.config import Role
from rtmd.wire import AckView, Changes, RuleErrorView, Snapshot
from rtmd.wire.explain import EntryView, ExplainView, StandingView
from rtmd.wire.marks import MarkView
from rtmd.wire.rules import RuleView
from rtmd.wire.watchers import WatcherView


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(tcp_role=Role.VIEW)) as running:
        desk = running.desk
        firings = [
            firing_view(
                f"f{n:02}", rule=bad, title=bad, labels={bad: bad}, ack=AckView(bad, NOW, NOW + 1, bad), unit=bad
            )
            for n, bad in enumerate(HOSTILE)
        ]
        desk.open = {each.id: each for each in firings}
        desk.kept_silences = [
            silence_view(f"s{n:02}", comment=bad, created_by=bad, matchers=[bad], forgotten=[bad])
            for n, bad in enumerate(HOSTILE)
        ]
        desk.kept_rules = [RuleView(bad, bad, 1, bad, [bad], problems=[bad]) for bad in HOSTILE]
        desk.kept_marks = [MarkView("m", NOW, bad, bad, {bad: bad}, bad) for bad in HOSTILE]
        desk.errors = [RuleErrorView(bad, 1, 1, bad) for bad in HOSTILE]
        desk.watchers = [WatcherView(bad, NOW, [bad]) for bad in HOSTILE]
        told = [EntryView(NOW, "transition", bad, bad, [bad]) for bad in HOSTILE]
        stands = [StandingView(bad, bad, bad, bad, NOW, bad, acked_by=bad, note=bad) for bad in HOSTILE]
        desk.story = ExplainView(NOW, firings[0], told, stands)
        yield running


VERBS = ("firings", "silence list", "silence list --forgotten", "rules", "marks", "status", "explain f1", "noise")


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_prints_it_as_text_and_rows_stay_rows(served: Served, verb: str) -> None:
    for extra in ([], ["--json"]):
        where = {"RTMD_CONNECT": str(served.path)}
        shown = await asyncio.to_thread(CliRunner().invoke, main, [*verb.split(), *extra], env=where)
        assert shown.exit_code == 0, shown.output
        assert acting(shown.output) <= {"\n"}
        if verb in ("firings", "silence list", "rules") and not extra:
            assert len(shown.output.splitlines()) >= 1 + len(HOSTILE)
            assert all(row.strip() for row in shown.output.splitlines())


@pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
def test_watch_says_it_on_one_line(bad: str) -> None:
    telling = Telling()
    list(telling.hear(Snapshot("e1", 1, FakeDesk().status(), bad, bad, [])))
    hostile = firing_view("f1", rule=bad, title=bad, labels={bad: bad}, reason=bad, threshold=bad)
    events = [
        *telling.hear(Changes(2, [hostile], marks=[MarkView("m", NOW, bad, bad, {bad: bad}, bad)])),
        telling.link(bad),
    ]
    assert len(events) >= 3
    for event in events:
        assert not acting(line(event))
