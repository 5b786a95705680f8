"""Who has a firing, and who is told because nobody does (semantics S10).

An acknowledgement stops repetition and escalation until it ends or the firing resolves. When it ends first, those who
know of the firing hear that it still burns, and its escalation begins anew.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from rtmd.alerting.calendar import clock
from rtmd.alerting.dispatch import Dispatch
from rtmd.alerting.escalations import Escalations
from rtmd.alerting.flush import Verdict
from rtmd.errors import ConflictError, NotFoundError, RefusedError
from rtmd.model.change import Change, ChangeKind
from rtmd.model.display import age
from rtmd.model.effects import Answered, Audited, Effect, EscalationDropped, EscalationSaved, FiringSaved, Journaled
from rtmd.model.firing import Ack, Firing
from rtmd.model.inputs import AckEnded, AckSet
from rtmd.model.policy import EscalationStep
from rtmd.model.reaction import Escalation
from rtmd.model.replace import replace
from rtmd.model.rule import HOUR, MINUTE, Rule, StageName
from rtmd.pipeline.answers import conflict

Effects: TypeAlias = Iterator[Effect]

# How long somebody has it, by stage, unless they say.
ACK_LENGTH = {StageName.SECONDS: 15 * MINUTE, StageName.MINUTES: HOUR, StageName.HOURS: 8 * HOUR}


class Attending:
    """Acknowledgements and escalations.

    `firing_of` gives a firing by its id, `replace_firing` takes a changed one; `muting` says what keeps one from being
    told (engine and wall time).
    """

    def __init__(
        self,
        dispatch: Dispatch,
        firing_of: Callable[[str], Firing | None],
        replace_firing: Callable[[Firing], None],
        muting: Callable[[Firing, int, int], Verdict | None],
    ) -> None:
        self._dispatch = dispatch
        self._firing_of = firing_of
        self._replace = replace_firing
        self._muting = muting
        self._escalations = Escalations()
        self._acks: list[tuple[int, str]] = []  # when they end, of which firing

    def __repr__(self) -> str:
        return f"<Attending {len(self._acks)} acks, {self._escalations!r}>"

    def load(self, escalations: Mapping[str, tuple[EscalationStep, ...]], wall: int) -> None:
        """Another configuration."""
        self._escalations.load(escalations, wall)

    def restore(self, escalations: Iterable[Escalation], firings: Iterable[Firing], wall: int) -> None:
        """Take up what an earlier run left; acks that ended meanwhile are dealt with at the next look."""
        self._escalations.restore(escalations, wall)
        for firing in firings:
            self._await(firing)

    def next_due(self) -> int | None:
        """The wall time of the next look."""
        due = (self._acks[0][0] if self._acks else None, self._escalations.next_due())
        return min((each for each in due if each is not None), default=None)

    def acknowledge(self, given: AckSet, at: int, wall: int) -> Effects:
        """Somebody takes a firing."""
        firing = self._as_seen(given, wall)
        ack = Ack(given.by, wall, wall + (given.length or ACK_LENGTH[firing.stage]), given.note)
        acked = replace(firing, ack=ack, version=firing.version + 1)
        self._replace(acked)
        self._await(acked)
        yield FiringSaved(acked)
        yield Audited(wall, given.by, "ack", firing.id, given.note)
        yield Journaled(at, "ack", firing.rule, firing.id, f"{given.by} has it", {"note": given.note})
        current = self._escalations.get(firing.id)
        if current is not None:
            yield EscalationSaved(self._escalations.begin(firing.id, current.name, ack.until, wall))
        yield Answered(given.request, id=firing.id)

    def give_back(self, given: AckEnded, at: int, wall: int) -> Effects:
        """Somebody does not have it after all: nobody is told, and its escalation begins anew."""
        firing = self._as_seen(given, wall)
        if firing.ack is None or firing.ack.over:
            raise RefusedError(f"nobody has {firing.id}")
        if firing.ack.by != given.by:
            raise ConflictError(f"{firing.ack.by} has {firing.id}: only they give it back, anybody can take it over")
        free = replace(firing, ack=None, version=firing.version + 1)
        self._replace(free)
        yield FiringSaved(free)
        yield Audited(wall, given.by, "unack", firing.id)
        yield Journaled(at, "ack", firing.rule, firing.id, f"{given.by} gave it back")
        current = self._escalations.get(firing.id)
        if current is not None:
            yield EscalationSaved(self._escalations.begin(firing.id, current.name, wall, wall))
        yield Answered(given.request, id=firing.id)

    def follow(self, change: Change, rule: Rule | None, wall: int) -> Effects:
        """A firing changed: its escalation begins, is another one now, or is over."""
        firing, current = change.firing, self._escalations.get(change.firing.id)
        wanted = escalation_of(firing, rule) if firing.open else ""
        if current is not None and not wanted:
            self._escalations.drop(firing.id)
            yield EscalationDropped(firing.id)
        elif change.kind is ChangeKind.STAGE_FIRED and wanted and (current is None or current.name != wanted):
            taken = firing.ack.until if firing.ack else wall
            yield EscalationSaved(self._escalations.begin(firing.id, wanted, max(wall, taken), wall))

    def advance(self, at: int, wall: int) -> Effects:
        """Let acks end, and tell who is to be told because nobody has it."""
        while self._acks and self._acks[0][0] <= wall:
            until, firing_id = heapq.heappop(self._acks)
            firing = self._firing_of(firing_id)
            if firing and firing.open and firing.ack and firing.ack.until == until and not firing.ack.over:
                yield from self._let_go(firing, firing.ack, at)
        for escalation in self._escalations.take_due(wall):
            yield from self._escalate(escalation, at, wall)

    def _as_seen(self, given: AckSet | AckEnded, wall: int) -> Firing:
        """The firing that somebody means, if it is still what they saw."""
        firing = self._firing_of(given.firing_id)
        if firing is None:
            raise NotFoundError(f"there is no firing {given.firing_id}")
        if not firing.open:
            raise RefusedError(f"{firing.id} has resolved: there is nothing to acknowledge any more")
        if given.version and given.version != firing.version:
            raise conflict(firing, wall)
        return firing

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        self._escalations.drop(firing_id)

    def _await(self, firing: Firing) -> None:
        if firing.open and firing.ack and not firing.ack.over:
            heapq.heappush(self._acks, (firing.ack.until, firing.id))

    def _let_go(self, firing: Firing, ack: Ack, at: int) -> Effects:
        over = replace(firing, ack=replace(ack, over=True))
        self._replace(over)
        yield FiringSaved(over)
        yield Journaled(at, "ack", firing.rule, firing.id, f"{ack.by} has it no more: the acknowledgement ended")
        yield from self._dispatch.hold(firing, f"acknowledged by {ack.by} until {clock(ack.until)}")
        self._dispatch.call_withheld(at)

    def _escalate(self, escalation: Escalation, at: int, wall: int) -> Effects:
        firing, step = self._firing_of(escalation.firing_id), self._escalations.step(escalation)
        quiet = at < self._dispatch.groups.quiet_until
        if firing is None or step is None or quiet or self._muting(firing, at, wall):
            return  # it is tried again
        yield EscalationSaved(self._escalations.told(escalation, wall))
        number, text = escalation.step + 1, f"nobody has had it for {age(wall - escalation.since)}"
        yield Journaled(at, "escalation", firing.rule, firing.id, f"{escalation.name}, step {number}: {text}")
        key = f"{firing.id}/{escalation.name}/{escalation.since}/{number}"
        for receiver in step.notify:
            yield from self._dispatch.escalate(firing, receiver, at, key=key, reason=f"{text} ({escalation.name})")


def escalation_of(firing: Firing, rule: Rule | None) -> str:
    """The escalation of the highest stage that burns and names one; empty: none does."""
    burning = {record.name for record in firing.stages if record.keeps_open}
    stages = rule.stages if rule and not firing.shadow else ()
    return next((stage.escalate for stage in reversed(stages) if stage.escalate and stage.name in burning), "")
