"""What happened, in lines for people: when, what, by which rule, about what, and the numbers.

A line is `time  what  rule  about  rest`, and a firing brings the loudest piece of its evidence along on a second
one. Within a step the lines of one firing stand in the order in which a reader asks: what fired or ended, what that
meant for the shorter stage, what was run, who was told, that it is over. Changes that only a screen cares about are
left out. Everything from outside passes through `display.safe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import groupby
from typing import TypeAlias

from msgspec import Struct

from rtmd.model.change import ChangeKind
from rtmd.model.display import age, number, safe
from rtmd.model.effects import Effect, FiringSaved, Journaled, Notify, RunAction, RunSaved
from rtmd.model.firing import Exemplar, Firing, StageRecord
from rtmd.model.labels import Labels
from rtmd.model.reaction import NotifyReason, RunState
from rtmd.model.rule import Rule, StageName
from rtmd.replay.play import Happened

WIDTH = 100  # columns
_INDENT = " " * 7
_WORST = frozenset({RunState.FAILED, RunState.UNDO_FAILED})

# Gives a rule by its name, as it was when the step was made.
FindRule: TypeAlias = Callable[[str], Rule | None]


class _Rank(IntEnum):
    """The place of an entry among those of its firing and step."""

    STAGE = 0
    ENDED = 1
    RESOLVED = 2
    JUDGED = 3
    RUN = 4
    TOLD = 5
    OPENED = 6


class _Entry(Struct, frozen=True):
    """One thing to say about a firing: a line, and perhaps one below it."""

    rank: _Rank
    what: str
    rest: str = ""
    more: str = ""


class Timeline:
    """Turns steps into lines; `start` is the engine time that is shown as 0:00."""

    def __init__(self, rule: FindRule, start: int) -> None:
        self._rule = rule
        self._start = start
        self._firings: dict[str, Firing] = {}
        self._states: dict[str, str] = {}  # of proposals

    def __repr__(self) -> str:
        return f"<Timeline of {len(self._firings)} firings>"

    def lines(self, happened: Happened) -> Iterator[str]:
        """What there is to say about one step."""
        for effect in happened.effects:
            if isinstance(effect, FiringSaved):
                self._firings[effect.firing.id] = effect.firing
        said: dict[str, list[_Entry]] = {}
        for effect in happened.effects:
            for firing_id, entry in self._entries(effect):
                said.setdefault(firing_id, []).append(entry)
        for firing_id, entries in said.items():
            for entry in _tidied(sorted(entries, key=lambda entry: entry.rank)):
                yield self.line(happened.at, entry.what, self._firings.get(firing_id), entry.rest)
                if entry.more:
                    yield _INDENT + entry.more

    def line(self, at: int, what: str, firing: Firing | None = None, rest: str = "") -> str:
        """One line; without a firing it is about everything."""
        rule, about = (firing.rule, subject(firing.labels)) if firing else ("", "")
        return f"{clock(at - self._start):>5}  {what:<20} {safe(rule, 24):<14} {safe(about, 40):<18} {rest}".rstrip()

    def _entries(self, effect: Effect) -> Iterator[tuple[str, _Entry]]:
        match effect:
            case Journaled(kind="transition"):
                yield from self._of_change(effect)
            case Journaled(kind="outcome"):
                yield effect.firing_id, _Entry(_Rank.JUDGED, f"{effect.detail['stage']}: {effect.detail['reason']}")
            case RunAction(run, undo):
                yield run.firing_id, _Entry(_Rank.RUN, f"{'undoes' if undo else 'runs'} {safe(run.action, 40)}")
            case RunSaved(run) if run.state in _WORST:
                yield run.firing_id, _Entry(_Rank.RUN, f"{safe(run.action, 40)} {run.state}", safe(run.detail, 60))
            case Notify(message):
                for alert in message.alerts:
                    told = "nobody has it" if message.reason is NotifyReason.ESCALATION else str(alert.told)
                    yield alert.firing.id, _Entry(_Rank.TOLD, safe(message.receiver, 40), told)
            case Journaled(kind="proposal", detail={"proposal": proposal, "state": state}):
                if self._states.get(proposal) != state:  # a change that only asks people to look again says nothing
                    self._states[proposal] = state
                    yield effect.firing_id, _of_proposal(effect.text)
            case Journaled(kind="mark"):
                yield effect.firing_id, _Entry(_Rank.RUN, f"mark {safe(effect.text, 60)}")
            case Journaled(kind="suppressed" | "ack" | "verdict" | "missed" | "silence" | "proposal" | "gap" | "rules"):
                yield effect.firing_id, _Entry(_Rank.RUN, effect.kind, safe(effect.text, 80))
            case _:
                pass

    def _of_change(self, change: Journaled) -> Iterator[tuple[str, _Entry]]:
        firing = self._firings[change.firing_id]
        stage = StageName(change.detail["stage"])
        record = firing.record(stage)
        if record is None:
            return
        match ChangeKind(change.detail["change"]):
            case ChangeKind.STAGE_FIRED:
                entry = _Entry(_Rank.STAGE, f"{stage} fires", self._reading(firing, record), _loudest(record))
            case ChangeKind.STAGE_ENDED:
                entry = _Entry(
                    _Rank.ENDED, f"{stage} ends", f"peak {number(record.peak)} {safe(firing.unit, 24)}".rstrip()
                )
            case ChangeKind.RESOLVED:
                lasted = age((firing.resolved_at or change.at) - firing.fired_at)
                entry = _Entry(_Rank.RESOLVED, "resolved", f"after {lasted}")
            case ChangeKind.OPENED | ChangeKind.REOPENED as opened:
                entry = _Entry(_Rank.OPENED, str(opened))
            case _:
                return
        yield firing.id, entry

    def _reading(self, firing: Firing, record: StageRecord) -> str:
        """The value that made a stage fire, against its threshold."""
        rule = self._rule(firing.rule)
        stage = rule.stage(record.name) if rule else None
        unit, condition = (stage.unit, str(stage.condition)) if stage else (firing.unit, firing.threshold)
        return " ".join(part for part in (number(record.value), safe(unit, 24), condition) if part)


def subject(labels: Labels) -> str:
    """What an instance is about, in short: the values of its labels."""
    return " · ".join(value for _, value in labels)


def clock(since: int) -> str:
    """Minutes and seconds."""
    minutes, seconds = divmod(max(0, since) // 1000, 60)
    return f"{minutes}:{seconds:02}"


def _tidied(entries: list[_Entry]) -> Iterator[_Entry]:
    """The entries of one firing and step, by rank, as they are worth saying.

    1. Ends of stages are left out where the firing resolves. 2. Receivers of one message share a line. 3. That a
    firing opened is said by its stage; that nobody was told of it deserves a word.
    """
    ranks = {entry.rank for entry in entries}
    for rank, same in groupby(entries, key=lambda entry: entry.rank):
        match rank:
            case _Rank.ENDED if _Rank.RESOLVED in ranks:
                pass
            case _Rank.TOLD:
                for said, told in groupby(same, key=lambda entry: entry.rest):
                    yield _Entry(rank, f"told {', '.join(entry.what for entry in told)}", said)
            case _Rank.OPENED:
                if _Rank.TOLD not in ranks:
                    yield _Entry(rank, "nobody is told")
            case _:
                yield from same


def _of_proposal(text: str) -> _Entry:
    """`post-reply: declined by ana: too late`, with the reason on a line of its own."""
    action, _, told = text.partition(": ")
    told, _, reason = told.partition(": ")
    return _Entry(_Rank.RUN, safe(action, 20), safe(told, 40), safe(reason, 80))


def _loudest(record: StageRecord) -> str:
    """The piece of evidence with the widest reach, on one line."""
    exemplars: tuple[Exemplar, ...] = record.evidence.exemplars if record.evidence else ()
    if not exemplars:
        return ""
    loudest = exemplars[0]
    by = f" ({safe(loudest.author, 24)}, reach {number(loudest.reach)})" if loudest.author else ""
    return f"“{safe(loudest.text, WIDTH - len(_INDENT) - len(by) - 2)}”{by}"
