"""The pipeline: engine → correlations → reactor → effects, behind one verb.

`step(inputs, at)` first works through everything that is due up to `at`, each at its own time, then takes the
inputs in the given order at `at`, and says when it wants to be called next. It is synchronous, reads no clock and
touches nothing outside itself; live running, replay, demo and rule tests call exactly this.

Engine deadlines run on `at`; deadlines of people (silences, acks) on wall time, which is `at` plus an offset that
the shell reports whenever it changes. At one instant the engine comes first, then what its firings make together,
then people's deadlines, then housekeeping. Correlations are judged when an instant is worked through and after each
input, never in between: a firing that ends and one that begins at once never met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import assert_never

from msgspec import Struct

from rtmd.alerting.correlation import Join
from rtmd.alerting.correlations import Correlations
from rtmd.alerting.external import Externals, Heard
from rtmd.alerting.silences import OWN
from rtmd.alerting.suppression import ECHO
from rtmd.engine.engine import Engine, Happening, Moved
from rtmd.errors import NotFoundError, RefusedError
from rtmd.formats.batch import SeriesTable
from rtmd.model import effects as fx
from rtmd.model import inputs as ins
from rtmd.model.change import Change, ChangeKind
from rtmd.model.firing import Firing
from rtmd.model.replace import replace
from rtmd.model.rule import MINUTE, Correlation, Rule, RuleSet
from rtmd.pipeline import verdicts
from rtmd.pipeline.answers import fill_wanted, latest_only, refusal
from rtmd.pipeline.inputs import Input, RoomWanted, Samples, WindowFilled, WindowsRestored
from rtmd.pipeline.marks import make_mark
from rtmd.pipeline.reactor import Reactor
from rtmd.pipeline.silencing import Silencing
from rtmd.ports import Correlator

# Semantics S6: after a time that nobody watched nothing is told before every rule was judged once, or this long.
QUIET = 15_000


_BRAKING = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.RESOLVED})  # of a correlation


class Step(Struct, frozen=True):
    """What a step asks of the world, in order, and when it wants the next call at the latest (engine time)."""

    effects: tuple[fx.Effect, ...]
    next_due: int


class Pipeline:
    """All state that decisions depend on."""

    def __init__(
        self, series: SeriesTable, at: int, *, instances_per_rule: int = 10_000, correlator: Correlator | None = None
    ) -> None:
        self.engine = Engine(series, at, instances_per_rule=instances_per_rule)
        self.correlations = Correlations(correlator or Join(), self.engine.episodes.firings.get)
        handled = self.engine.episodes.handled.add
        self.reactor = Reactor(self.firing, self.engine.rule, self.correlations, handled, self._replace)
        self.silencing = Silencing(self.reactor.dispatch, self.firings, self.firing)
        self.counts: Counter[tuple[str, str]] = Counter()  # (what, which) since start, for /metrics
        self.externals = Externals(self.counts)
        self._offset = 0
        self._housekeeping = _next_minute(at)
        self._due = self._next_due()  # of the state that the last step left

    def __repr__(self) -> str:
        return f"<Pipeline {self.engine!r}, {self.reactor!r}>"

    def wall(self, at: int) -> int:
        """People's time at engine time `at`."""
        return at + self._offset

    @property
    def entries(self) -> Mapping[str, Rule | Correlation]:
        """The rules and correlations in force, by name."""
        return RuleSet(self.engine.rules, correlations=self.correlations.members.correlations).entries

    def firing(self, firing_id: str) -> Firing | None:
        """One firing, open or lately resolved."""
        rooms = (self.engine.episodes.firings, self.correlations.firings, self.externals.firings)
        return next((room[firing_id] for room in rooms if firing_id in room), None)

    def firings(self) -> list[Firing]:
        """Every firing that is remembered."""
        rooms = (self.engine.episodes.firings, self.correlations.firings, self.externals.firings)
        return [firing for room in rooms for firing in room.values()]

    def step(self, inputs: Sequence[Input], at: int) -> Step:
        """Work through time up to `at`, then through the inputs."""
        before = self.engine.evaluated_at
        still = at < self._due  # and nothing comes but samples by which nothing happens: what is due stays the same
        effects = list(self._advance(at))
        for given in inputs:
            effects += self._take(given, at)
            still = still and isinstance(given, Samples) and not effects
            if not still:
                effects += self._follow(self.engine.episodes.judge_due(at))  # what is over as soon as it begins
                effects += self._correlate(at)
                effects += self.reactor.flush(at, self.wall(at))
        effects += self._instances()
        effects += self.reactor.dispatch.changes()
        effects += self.silencing.changes()
        touched = self._touched(effects, everything=self.engine.evaluated_at // 1000 > before // 1000)
        if touched:
            effects.append(fx.Touched(touched))
        if effects or not still:
            self._due = self._next_due()
        return Step(tuple(latest_only(effects)), self._due)

    def _next_due(self) -> int:
        walls = (self.externals.next_end(), self.reactor.next_deadline())
        people = [max(wall - self._offset, self.engine.evaluated_at) for wall in walls if wall is not None]
        of_silences = self.silencing.next_due(self._offset, self.engine.evaluated_at)
        of_groups = self.reactor.dispatch.next_due()
        due = (self.engine.next_due(), self.correlations.next_due(), of_groups, of_silences, *people)
        return min([self._housekeeping, *(each for each in due if each is not None)])

    def _advance(self, at: int) -> Iterator[fx.Effect]:
        while (due := self._due) <= at:
            yield from self._follow(self.engine.advance(due))
            yield from self._follow(self.externals.end_due(due, self.wall(due)))
            yield from self._correlate(due)
            yield from self.silencing.advance(due, self.wall(due))
            yield from self.reactor.flush(due, self.wall(due))
            if self._housekeeping <= due:
                yield from self._tidy(due)
            self._due = self._next_due()
        self.engine.pass_by(at)

    def _take(self, given: Input, at: int) -> Iterator[fx.Effect]:
        match given:
            case Samples():
                yield from self._take_samples(given, at)
            case WindowFilled() | WindowsRestored() | RoomWanted():
                self._take_windows(given, at)
            case ins.RulesLoaded():
                yield from self._load(given, at)
            case ins.ReactionsLoaded():
                self.externals.policy = given.external
                yield from self.reactor.load(given, self.firings(), at, self.wall(at))
            case ins.Restored():
                yield from self._restore(given, at)
            case ins.TimeGap(until, reason):
                yield from self._skip(at, until, reason)
            case ins.WallClock(offset):
                self._offset = self.engine.plans.marks.offset = offset
                self._make_up(at)
            case ins.AlertsPosted():
                yield from self._follow(self.externals.post(given, at, self.wall(at)))
            case ins.ActionDone() | ins.DeliveryDone() | ins.Undelivered():
                yield from self._take_result(given, at)
            case _:
                yield from self._ask(given, at)

    def _load(self, given: ins.RulesLoaded, at: int) -> Iterator[fx.Effect]:
        if given.note:
            yield fx.Journaled(at, "rules", text=given.note)
        if given.by:
            yield fx.Audited(self.wall(at), given.by, "reload", "rules", given.note)
        before = self.entries
        happened, empty = self.engine.load(given.rules, at)
        yield from self._follow(happened)
        self.correlations.load(given.rules.correlations, self.engine.episodes.firings.values(), at)
        for firing in self.correlations.firings.values():
            yield from self._brake(firing, at) if firing.open else ()
        self.reactor.readdress(before, given.rules.entries, self.firings(), at)
        if empty:
            yield fill_wanted(empty, at)

    def _take_samples(self, given: Samples, at: int) -> Iterator[fx.Effect]:
        applied, happened = self.engine.apply(given.batch, at, lateness=given.lateness)
        self.counts["samples", given.source] += applied.accepted
        for reason, count in applied.drops.items():
            self.counts["dropped", reason] += count
        yield from self._follow(happened)

    def _take_windows(self, given: WindowFilled | WindowsRestored | RoomWanted, at: int) -> None:
        """What changes windows and decides nothing."""
        match given:
            case WindowFilled(batch):
                self.engine.plans.fill(batch)
            case WindowsRestored(snapshot):
                self.engine.plans.restore(snapshot)
            case RoomWanted():
                self.counts["freed", "series"] += self.engine.make_room(at)
            case _:
                assert_never(given)

    def _follow(self, happened: Iterable[Happening | Heard]) -> Iterator[fx.Effect]:
        for each in happened:
            match each:
                case Moved(_, transition):
                    self.counts["transitions", f"{transition.stage.name} {transition.record.state}"] += 1
                case Change():
                    self._count(each)
                    yield from self.reactor.react(each, self.wall(each.at))
                    yield from self.silencing.follow(each, self.wall(each.at))
                    self.correlations.members.put(each.firing)
                case fx.FiringSaved() | fx.Answered():
                    yield each
                case _:
                    assert_never(each)

    def _correlate(self, at: int) -> Iterator[fx.Effect]:
        """What the firings make together, now that all that happened at this instant has happened."""
        places = list(self.correlations.members.news)
        for change in self.correlations.judge(at):
            self._count(change)
            yield from self.reactor.react(change, self.wall(at))
            yield from self.silencing.follow(change, self.wall(at))
            if change.kind in _BRAKING:
                yield from self._brake(change.firing, at)
        touched = frozenset(firing.id for firing in map(self.correlations.at, places) if firing and firing.open)
        if touched:
            yield fx.Touched(touched)

    def _brake(self, firing: Firing, at: int) -> Iterator[fx.Effect]:
        """What the firing of a correlation stops now; nothing where it has ended."""
        brake, wall = self.correlations.brake_of(firing), self.wall(at)
        yield from self.reactor.release(firing.id, at, wall) if brake is None else self.reactor.brake(brake, at, wall)

    def _count(self, change: Change) -> None:
        if change.kind in (ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.RESOLVED):
            self.counts["firings", str(change.kind)] += 1
        elif change.kind is ChangeKind.JUDGED:
            self.counts["outcomes", f"{change.stage} {change.reason}"] += 1

    def _restore(self, given: ins.Restored, at: int) -> Iterator[fx.Effect]:
        self.engine.plans.marks.restore(given.marks)
        own = [firing for firing in given.firings if firing.origin is None and not firing.correlated]
        self.engine.restore(given.instances, own, at)
        self.externals.restore(firing for firing in given.firings if firing.origin is not None)
        self.correlations.restore((firing for firing in given.firings if firing.correlated), own, at)
        self.reactor.restore(given, self.firings(), at, self.wall(at))
        for brake in filter(None, map(self.correlations.brake_of, self.correlations.firings.values())):
            self.reactor.acting.brakes.put(brake)
        self.silencing.restore(self.wall(at))
        yield from self.reactor.resume(at, self.wall(at))

    def _skip(self, at: int, until: int, reason: str) -> Iterator[fx.Effect]:
        for firing in self.engine.shift(at, until):
            yield fx.FiringSaved(firing)
        self.externals.pause(self.wall(until))
        self.correlations.shift(until - at)
        rules = (rule for rule in self.engine.rules.values() if not rule.name.startswith(OWN))
        grids = [stage.grid for rule in rules for stage in rule.stages]
        self.reactor.dispatch.shift(until - at, quiet_until=until + min(max(grids, default=0), QUIET))
        self._housekeeping = _next_minute(until)
        text = f"nobody watched for {(until - at) / 1000:.1f} s: {reason}"
        yield fx.Journaled(until, "gap", text=text)
        self._make_up(until)

    def _ask(self, given: ins.PersonInput, at: int) -> Iterator[fx.Effect]:
        """A person's input is answered exactly once; what it does is audited, and who came too late for it."""
        try:
            for effect in self._obey(given, at):
                yield replace(effect, origin=given.origin) if isinstance(effect, fx.Audited) else effect
        except RefusedError as error:
            yield from refusal(given, error, self.wall(at))

    def _obey(self, given: ins.PersonInput, at: int) -> Iterator[fx.Effect]:
        match given:
            case ins.SilenceSet():
                yield from self.silencing.set(given, at, self.wall(at))
            case ins.SilenceExpired():
                yield from self.silencing.expire(given, at, self.wall(at))
            case ins.AckSet():
                yield from self.reactor.attending.acknowledge(given, at, self.wall(at))
            case ins.AckEnded():
                yield from self.reactor.attending.give_back(given, at, self.wall(at))
            case ins.VerdictGiven():
                yield from self._take_verdict(given, at)
            case ins.MissReported():
                if given.rule not in self.entries:
                    raise NotFoundError(f'there is no rule "{given.rule}"')
                yield from verdicts.missed(given, at=at, wall=self.wall(at))
            case ins.MarkMade():
                yield from make_mark(self.engine.plans.marks, given, at)
            case _:
                yield from self.reactor.ask(given, at, self.wall(at))

    def _take_verdict(self, given: ins.VerdictGiven, at: int) -> Iterator[fx.Effect]:
        known = self.firing(given.firing_id)
        firing = known or given.past
        if firing is None:
            raise NotFoundError(f"there is no firing {given.firing_id}")
        judged = verdicts.judged(firing, given, self.wall(at))
        if known is not None:
            self._replace(judged)
        yield from verdicts.told(judged, given, at=at, wall=self.wall(at))

    def _replace(self, firing: Firing) -> None:
        room = self.externals if firing.origin else self.correlations if firing.correlated else self.engine.episodes
        room.replace(firing)

    def _take_result(self, given: ins.ActionDone | ins.DeliveryDone | ins.Undelivered, at: int) -> Iterator[fx.Effect]:
        match given:
            case ins.ActionDone():
                yield from self.reactor.acting.finish(given, at)
            case ins.DeliveryDone():
                yield from self._note_delivery(given, at)
            case ins.Undelivered():
                yield from self.reactor.divert(given, at)
            case _:
                assert_never(given)

    def _note_delivery(self, given: ins.DeliveryDone, at: int) -> Iterator[fx.Effect]:
        self.counts["deliveries", "failed" if given.error else "delivered"] += 1
        if given.error:
            text = f"{given.receiver} was not told: {given.error}"
        else:
            text = f"{given.receiver} has it" + (f", at attempt {given.attempts}" if given.attempts > 1 else "")
        detail = {"key": given.key, "receiver": given.receiver}
        for firing_id in given.firing_ids:
            yield fx.Journaled(at, "delivery", firing_id=firing_id, text=text, detail=detail)

    def _tidy(self, at: int) -> Iterator[fx.Effect]:
        """Once a minute: let go of what nobody can need any more."""
        self._housekeeping = _next_minute(at)
        self.reactor.dispatch.call_withheld(at)  # a calendar may have opened
        self.reactor.dispatch.suppression.inhibitions.forget(at)
        gone = (self.engine.forget(at, self.reactor.holds), self.externals.forget(at), self.correlations.forget(at))
        for firing in [firing for room in gone for firing in room]:
            self.reactor.forget(firing.id)
        for silence_id in self.reactor.dispatch.silences.forget(self.wall(at)):
            yield fx.SilenceDropped(silence_id)
        for mark in self.engine.plans.marks.forget(self.wall(at)):
            yield fx.MarkDropped(mark.id)

    def _make_up(self, at: int) -> None:
        """Time jumped: silences may have ended unseen."""
        self.reactor.dispatch.call_withheld(at + ECHO)
        self.silencing.skip(self.wall(at))

    def _instances(self) -> Iterator[fx.Effect]:
        for key in self.engine.take_changed():
            state = self.engine.instance(key)
            yield fx.InstanceDropped(*key) if state is None else fx.InstanceSaved(state)

    def _touched(self, effects: list[fx.Effect], *, everything: bool) -> frozenset[str]:
        """Firings that look different now: saved ones, and at grid points those whose live values moved."""
        touched = {effect.firing.id for effect in effects if isinstance(effect, fx.FiringSaved)}
        if everything:
            for key in self.engine.take_news():
                firing = self.engine.episodes.of(key)
                if firing is not None and firing.open:
                    touched.add(firing.id)
        return frozenset(touched)


def _next_minute(at: int) -> int:
    return (at // MINUTE + 1) * MINUTE
