"""People's silences as they live: weighed, made, changed, ended, lifted, and their end announced (semantics S4, S5).

Whom the end of a silence concerns is told once. Who knows that something under it fires is told when its end is near;
who does not know, and who could not be told before because it ended early, five seconds after its end ("still firing,
was silenced by …"), unless it has resolved by then. What somebody has in hand is not announced.

A silence that lifts by itself ends when the last firing that it is about resolves, provided that it ever covered one.

Moments are wall time, in a heap whose entries may be out of date: a moment counts only if it is still that of its
silence. One that was missed (suspend, downtime, a clock set ahead) is made up for once groups may speak again.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence

from rtmd.alerting.calendar import clock, moment
from rtmd.alerting.dispatch import Dispatch
from rtmd.alerting.exposed import exposed
from rtmd.alerting.guards import Weight, weigh, widens
from rtmd.alerting.silences import about
from rtmd.alerting.suppression import ECHO
from rtmd.errors import UnconfirmedError
from rtmd.matching import Matches
from rtmd.model.change import Change, ChangeKind
from rtmd.model.effects import Answered, Audited, Effect, Journaled, SilenceSaved, Touched
from rtmd.model.firing import Firing
from rtmd.model.inputs import SilenceExpired, SilenceSet
from rtmd.model.rule import MINUTE
from rtmd.model.silence import Lift, Silence, SilenceState

_MOMENT, _RECHECK = 0, 1  # its end is to be dealt with; what it withheld is looked at again
_COVERED_ANEW = frozenset(
    {ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.RAISED, ChangeKind.FELL, ChangeKind.RESOLVED}
)


class Silencing:
    """`firings` gives all firings that are remembered, `find` one of them by its id."""

    def __init__(
        self, dispatch: Dispatch, firings: Callable[[], Iterable[Firing]], find: Callable[[str], Firing | None]
    ) -> None:
        self._dispatch = dispatch
        self._silences = dispatch.silences
        self._firings = firings
        self._find = find
        self._due: list[tuple[int, int, str]] = []
        self._kept_by: dict[str, str] = {}  # of silences that lift by themselves: a firing that keeps each

    def __repr__(self) -> str:
        return f"<Silencing {self._silences!r}, {len(self._due)} moments>"

    # -- what people ask for

    def weigh(self, given: SilenceSet, wall: int) -> Weight:
        """What this silence would hide now; refuses what `set` would refuse, whether it is confirmed or not."""
        self._silences.check(given, wall)
        return weigh(given, self._firings(), wall)

    def set(self, given: SilenceSet, at: int, wall: int) -> Iterator[Effect]:
        """Make a silence or edit one. Raises RefusedError."""
        old = self._silences.check(given, wall)
        weight = weigh(given, self._firings(), wall)
        if not given.confirmed and weight.reasons and widens(given, old, wall):
            raise UnconfirmedError(weight.reasons)
        *ended, made = self._silences.put(given, wall)
        if weight.matches and made.state(wall) is SilenceState.ACTIVE:
            made = self._silences.note(made, matched_at=wall)
        matchers = ", ".join(map(str, made.matchers))
        said = f"as {given.author}, " if given.author else ""
        end = moment(made.ends_at)
        until = end if made.lift is Lift.END else f"resolved, {end} at the latest"
        yield Audited(wall, given.by, "silence", made.id, f"{said}{matchers} until {until}: {made.comment}")
        text = f"{given.author or given.by} silenced {matchers}"
        active = made.state(wall) is SilenceState.ACTIVE
        hidden = " ".join(sorted(self._about([made]))) if active else ""
        yield Journaled(at, "silence", text=text, detail={"silence": made.id, "firings": hidden})
        for silence in ended:
            yield from self._let_go(silence, at, wall)
        self._plan([made])
        yield self._look_different([*ended, made])
        yield Answered(given.request, id=made.id)

    def expire(self, given: SilenceExpired, at: int, wall: int) -> Iterator[Effect]:
        """End a silence now. Raises RefusedError."""
        over = self._silences.get(given.id).state(wall) is SilenceState.EXPIRED
        silence = self._silences.expire(given.id, wall, by=given.by, version=given.version)
        yield Audited(wall, given.by, "expire", silence.id)
        yield Journaled(at, "silence", text=f"{given.by} expired {silence.id}", detail={"silence": silence.id})
        if not over:
            yield from self._let_go(silence, at, wall)
        yield self._look_different([silence])
        yield Answered(given.request, id=silence.id)

    # -- what happens to firings

    def follow(self, change: Change, wall: int) -> Iterator[Effect]:
        """A firing changed: what covers it has something to do, and what waits for its end may lift."""
        if change.kind not in _COVERED_ANEW:
            return
        for silence in self._silences.muting(exposed(change.firing), wall):
            if silence.matched_at is None or wall - silence.matched_at >= MINUTE:
                self._silences.note(silence, matched_at=wall)
        if change.kind is ChangeKind.RESOLVED:
            yield from self._lift(change.at, wall)

    def _lift(self, at: int, wall: int) -> Iterator[Effect]:
        for silence, matches in list(self._silences.lifting()):
            waits = silence.matched_at is not None and silence.state(wall) is SilenceState.ACTIVE
            if waits and not self._kept(silence, matches):
                self._plan([self._silences.note(self._silences.expire(silence.id, wall), announced=True)])
                text = f"{silence.id} lifted: all that it matched has resolved"
                yield Journaled(at, "silence", text=text, detail={"silence": silence.id})

    def _kept(self, silence: Silence, matches: Matches) -> bool:
        """Whether something that the silence is about still fires; the one found last is asked first."""
        witness = self._find(self._kept_by.get(silence.id, ""))
        if witness is None or not witness.open or not matches(exposed(witness)):
            # The last one first: where many resolve at once, in order, it is the one that stays longest.
            is_open = (firing for firing in reversed([*self._firings()]) if firing.open)
            witness = next((firing for firing in is_open if matches(exposed(firing))), None)
            if witness is None:
                self._kept_by.pop(silence.id, None)
                return False
            self._kept_by[silence.id] = witness.id
        return True

    # -- what time does

    def restore(self, wall: int) -> None:
        """An earlier run, which came as far as `wall`, left silences: their moments count again."""
        self._due = []
        self._plan(self._silences)
        self.skip(wall)

    def skip(self, wall: int) -> None:
        """Time jumped to `wall`: rechecks that were missed are made up for by whoever tells of the jump."""
        self._due = [entry for entry in self._due if entry[1] == _MOMENT or entry[0] > wall]
        heapq.heapify(self._due)

    def next_due(self, offset: int, evaluated_at: int) -> int | None:
        """When something is to be done, in engine time, which is `offset` behind the wall."""
        while self._due:
            when, kind, silence_id = self._due[0]
            silence = self._silences.get(silence_id) if silence_id in self._silences else None
            if silence and kind == _RECHECK and _recheck(silence) == when:
                return max(when - offset, evaluated_at)
            if silence and kind == _MOMENT and _moment(silence) == when:
                return max(when - offset, evaluated_at, self._dispatch.groups.quiet_until)
            heapq.heappop(self._due)  # it was edited, ended or forgotten since
        return None

    def advance(self, at: int, wall: int) -> Iterator[Effect]:
        """Do what is due by now."""
        while (due := self.next_due(wall - at, at)) is not None and due <= at:
            _, kind, silence_id = heapq.heappop(self._due)
            if kind == _RECHECK:
                self._dispatch.call_withheld(at)
                yield Touched(frozenset(firing.id for firing in self._firings() if firing.open))
                continue
            silence = self._silences.get(silence_id)
            if silence.state(wall) is SilenceState.EXPIRED:
                yield from self._let_go(silence, at, wall)
            else:
                yield from self._warn(silence, at, wall)

    def changes(self) -> Iterator[Effect]:
        """What the store must know about silences since the last call."""
        for silence_id in self._silences.changed:
            yield SilenceSaved(self._silences.get(silence_id))
        self._silences.changed.clear()

    def _plan(self, silences: Iterable[Silence]) -> None:
        for silence in silences:
            moment = _moment(silence)
            if moment is not None:
                heapq.heappush(self._due, (moment, _MOMENT, silence.id))
            heapq.heappush(self._due, (_recheck(silence), _RECHECK, silence.id))

    def _warn(self, silence: Silence, at: int, wall: int) -> Iterator[Effect]:
        """Its end is near: announce what it alone hides, and nobody has."""
        self._silences.note(silence, announced=True)
        hidden = [
            firing
            for firing in self._covered(silence, wall)
            if self._silences.muting(exposed(firing), wall)[0].id == silence.id
        ]
        if hidden:
            many = f"{len(hidden)} firings that it hides" if len(hidden) > 1 else "what it hides"
            text = f"{silence.id} of {silence.created_by} ends at {clock(silence.ends_at)}, and {many} still burn"
            yield Journaled(at, "silence", text=text + "s" * (len(hidden) == 1), detail={"silence": silence.id})
            yield from self._dispatch.announce(silence, hidden, at, wall)
            yield Touched(frozenset(firing.id for firing in hidden))

    def _let_go(self, silence: Silence, at: int, wall: int) -> Iterator[Effect]:
        """It is over: who knows of what it hid, and was not told of the end before, is to be told now."""
        was_active = silence.starts_at < silence.ends_at
        if was_active and not silence.announced:
            for firing in self._covered(silence, wall):
                if not self._silences.muting(exposed(firing), wall):
                    why = f"silenced by {silence.created_by} until {clock(silence.ends_at)}"
                    yield from self._dispatch.hold(firing, why)
        self._silences.note(silence, announced=True)
        if _recheck(silence) > wall:
            self._plan([silence])
        else:  # time jumped over that
            self._dispatch.call_withheld(at + ECHO)

    def _covered(self, silence: Silence, wall: int) -> list[Firing]:
        """Open firings that it is about and nobody has, in order."""
        covers = about(silence.matchers)
        is_open = (firing for firing in self._firings() if firing.open and covers(exposed(firing)))
        free = (firing for firing in is_open if firing.ack is None or firing.ack.until <= wall)
        return sorted(free, key=lambda firing: (firing.fired_at, firing.id))

    def _look_different(self, silences: Sequence[Silence]) -> Touched:
        """What these silences cover, or just covered: nothing about it changed but how it looks."""
        return Touched(self._about(silences))

    def _about(self, silences: Sequence[Silence]) -> frozenset[str]:
        """The open firings that these silences are about."""
        reaches = [about(silence.matchers) for silence in silences]
        is_open = ((firing.id, exposed(firing)) for firing in self._firings() if firing.open)
        return frozenset(each for each, labels in is_open if any(covers(labels) for covers in reaches))


def _recheck(silence: Silence) -> int:
    return silence.ends_at + 1 + ECHO


def _moment(silence: Silence) -> int | None:
    """When its end is to be dealt with: when that is near, or for one too short for that when it is over."""
    if silence.announced:
        return None
    return silence.ends_at + 1 if silence.warns_at is None else silence.warns_at
