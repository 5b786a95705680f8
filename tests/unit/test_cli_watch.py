from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import click
import pytest
from fakes_api import NOW, FakeDesk, firing_view, serving
from msgspec.structs import replace

from rtmd.cli.events import Event, Telling, line
from rtmd.cli.watch import tell
from rtmd.wire import AckView, Beat, Changes, FiringView, RuleErrorView, Snapshot, StatusView
from rtmd.wire.actions import HoldView, ProposalView, RunView
from rtmd.wire.marks import MarkView
from tui.client import Down
from tui.filter import parse

AHEAD = 5_000  # ms that the wall clock is ahead of engine time
FIRING = firing_view()
HOSTILE = "\x1b]52;c;x\x07\u202e\x9b\n"


def status(**changes: object) -> StatusView:
    return replace(FakeDesk().status(), wall=NOW + AHEAD, at=NOW, **changes)


def snapshot(*firings: FiringView, marks: Iterable[MarkView] = ()) -> Snapshot:
    return Snapshot("e", 1, status(), "ana", "operate", list(firings), list(marks))


def told(before: FiringView, now: FiringView) -> list[str]:
    """The events, with their texts, that a change of a firing makes."""
    telling = Telling()
    list(telling.hear(snapshot(before)))
    return [f"{event.event}: {event.text}".strip(": ") for event in telling.hear(Changes(2, [now]))]


def test_it_begins_with_what_is_open_in_wall_time() -> None:
    ended = firing_view("f0", state="resolved", resolved_at=NOW)
    first, opened = Telling().hear(snapshot(ended, FIRING))
    assert (first.event, first.text) == ("link", "rtmd is followed as ana (operate): 1 open")
    assert opened.at == FIRING.fired_at + AHEAD
    assert line(opened) == (
        "2026-09-21T14:12:25Z open: warning minutes mention-surge brand=acme: 93 mentions/min > 80, nobody has it (f1)"
    )


def test_a_firing_that_opened_and_resolved_between_two_messages_is_told_as_both() -> None:
    telling = Telling()
    list(telling.hear(snapshot()))
    brief = firing_view(state="resolved", resolved_at=NOW, reason="cleared", ack=AckView("bo", NOW, NOW))
    events = list(telling.hear(Changes(2, [brief])))
    assert [event.event for event in events] == ["opened", "acked", "resolved"]
    assert (events[-1].text, events[-1].at) == ("after 60s: cleared", NOW + AHEAD)


def test_a_rise_and_a_fall_name_the_stage_before() -> None:
    assert told(FIRING, firing_view(stage="hours")) == ["raised: from minutes: 93 mentions/min > 80"]
    assert told(FIRING, firing_view(stage="seconds")) == ["lowered: from minutes: 93 mentions/min > 80"]


def test_recovering_and_coming_back_are_told() -> None:
    recovering = firing_view(state="recovering")
    assert told(FIRING, recovering) == ["recovering: 93 mentions/min > 80"]
    assert told(recovering, FIRING) == ["back: 93 mentions/min > 80"]
    assert told(firing_view(state="resolved"), FIRING) == ["reopened: 93 mentions/min > 80"]


def test_who_takes_it_who_gives_it_back_and_who_hides_it_is_told() -> None:
    acked = firing_view(ack=AckView("ana", NOW, NOW + 60_000, "on it"))
    silenced = firing_view(silenced_by=["s1"], silenced_until=NOW + 60_000, silencer="bo")
    assert told(FIRING, acked) == ["acked: by ana until 2026-09-21T14:14:20Z: on it"]
    assert told(acked, FIRING) == ["unacked: ana has it no more"]
    assert told(FIRING, silenced) == ["silenced: by bo until 2026-09-21T14:14:20Z"]
    assert told(silenced, FIRING) == ["unsilenced"]
    inhibited = firing_view(inhibited_by="f9", inhibitor="site-down")
    assert told(FIRING, inhibited) == ["inhibited: by site-down, which explains it"]
    assert told(inhibited, FIRING) == ["inhibited no more"]


def test_proposals_and_runs_are_told_at_each_change_of_state() -> None:
    proposal = ProposalView(
        "p1", 1, "scale", "f1", "mention-surge", "", {}, "minutes", "pending", NOW, NOW, NOW + 60_000, "scale +2"
    )
    waits = firing_view(proposals=[proposal])
    declined = firing_view(proposals=[replace(proposal, state="declined", by="bo", reason="too late")])
    assert told(FIRING, waits) == ["proposal: scale pending, expires 2026-09-21T14:14:20Z [p1]"]
    assert told(waits, declined) == ["proposal: scale declined by bo: too late [p1]"]
    ran = firing_view(runs=[RunView("r1", "scale", "minutes", "failed", NOW, "exit code 3")])
    assert told(FIRING, ran) == ["action: scale failed: exit code 3"]
    assert told(ran, ran) == []


def test_flags_and_verdicts_are_told_when_they_come_and_go() -> None:
    assert told(FIRING, firing_view(flags=["unfed", "flapping"])) == ["no data", "flapping"]
    assert told(firing_view(flags=["rejudging"]), FIRING) == ["judged again"]
    assert told(FIRING, firing_view(verdict="noise")) == ["verdict: somebody says that it was noise"]


def test_a_value_that_moves_is_no_event() -> None:
    assert told(FIRING, firing_view(value=95.0, version=4)) == []


def test_the_hold_rule_errors_and_marks_are_told_once() -> None:
    telling = Telling()
    mark = MarkView("m1", NOW, "deploy", "v2", {"service": "web"}, "ci")
    list(telling.hear(snapshot(marks=[mark])))
    held = status(hold=HoldView("ana", NOW, "night"), rule_errors=[RuleErrorView("a.toml", 3, 1, "no such key")])
    assert [line(event).partition(" ")[2] for event in telling.hear(Beat(2, held))] == [
        "held: all actions, by ana: night",
        "rule error: a.toml:3: no such key",
    ]
    assert list(telling.hear(Beat(3, held))) == []
    assert [event.event for event in telling.hear(Beat(4, status()))] == ["released"]
    news = list(telling.hear(Changes(5, marks=[mark, replace(mark, id="m2")])))
    assert [line(event).partition(" ")[2] for event in news] == ["mark: deploy v2, by ci service=web"]


def test_the_filter_is_about_firings_as_they_were_and_as_they_are() -> None:
    telling = Telling(parse("state:new").passes)
    list(telling.hear(snapshot(FIRING, firing_view("f2", ack=AckView("bo", NOW, NOW + 1)))))
    acked = firing_view(ack=AckView("ana", NOW, NOW + 60_000))
    assert [event.event for event in telling.hear(Changes(2, [acked]))] == ["acked"]
    assert list(telling.hear(Changes(3, [replace(acked, stage="hours")], ["f2"]))) == []


async def follow(*messages: Snapshot | Changes | Beat | Down) -> tuple[list[Event], list[str]]:
    async def stream() -> AsyncIterator[Snapshot | Changes | Beat | Down]:
        for message in messages:
            yield message

    events: list[Event] = []
    await tell(stream(), Telling(), events.append)
    return events, [event.event for event in events]


async def test_what_a_lost_link_missed_is_told_once_it_is_back() -> None:
    down = Down("/run/rtmd.sock hung up", 500)
    events, names = await follow(snapshot(FIRING), down, down, snapshot(firing_view("f2")))
    assert names == ["link", "open", "link", "link", "link", "opened", "resolved"]
    assert [event.text for event in events[2:4]] == [
        "lost: /run/rtmd.sock hung up; trying again",
        "back; what was missed follows",
    ]
    assert events[-1].text == "the daemon has it no more"


async def test_a_daemon_that_was_never_reached_is_an_error() -> None:
    with pytest.raises(click.ClickException, match="nobody listens there"):
        await follow(Down("nobody listens there", 500))


def test_nothing_from_outside_acts_on_the_terminal_or_makes_a_second_line() -> None:
    telling = Telling()
    hostile = firing_view(rule=HOSTILE, labels={"a": HOSTILE}, severity=HOSTILE, reason=HOSTILE, state="resolved")
    list(telling.hear(snapshot()))
    for event in telling.hear(Changes(2, [hostile], marks=[MarkView("m", NOW, "event", HOSTILE)])):
        assert not set(line(event)) & set(HOSTILE[0] + "\x07\u202e\x9b\n")


async def test_the_process_prints_at_once_and_ends_cleanly_both_ways(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        served.desk.open["f1"] = firing_view(title=HOSTILE)
        command = (sys.executable, "-m", "rtmd", "watch", "--json", "--connect", str(served.path))
        pipe = asyncio.subprocess.PIPE
        stopped = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        assert stopped.stdout is not None
        lines = [json.loads(await stopped.stdout.readline()) for _ in range(2)]
        assert [(each["event"], each["firing"]) for each in lines] == [("link", ""), ("open", "f1")]
        stopped.send_signal(signal.SIGINT)
        assert ((await stopped.communicate())[1], stopped.returncode) == (b"", 0)

        unread = await asyncio.create_subprocess_shell(
            f"{' '.join(command)} | head -n 1; echo ${{PIPESTATUS[0]}}", executable="bash", stdout=pipe, stderr=pipe
        )
        assert unread.stdout is not None
        assert json.loads(await unread.stdout.readline())["event"] == "link"
        ending = asyncio.create_task(unread.communicate())
        while not ending.done():
            served.hub.beat()
            await asyncio.wait([ending], timeout=0.05)
        assert ending.result() == (b"0\n", b"")
