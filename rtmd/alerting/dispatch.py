"""From firings to messages: routes → groups → what each receiver knows → what is said (semantics S5–S8).

A firing stands in the groups of its present stage. When it rises it leaves those of the lower stage without a word and
enters the higher ones as news; when it falls back it stays where it is. Whoever was told that it fires is told that
it resolved, through the group where it stands or, where there is none any more, through one of its own.

Nothing is decided when something happens except where it belongs; what is said is decided when a group is looked
at, by what is true then. So muting, acknowledging and resolving need no bookkeeping of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b

from rtmd.alerting.calendar import clock
from rtmd.alerting.exposed import exposed
from rtmd.alerting.flush import UNAWARE, Findings, Member, Verdict, look
from rtmd.alerting.groups import Group, Groups
from rtmd.alerting.inhibition import Explained, Inhibitions
from rtmd.alerting.ledger import Ledger
from rtmd.alerting.routing import direct, find, routes_of
from rtmd.alerting.silences import Silences
from rtmd.alerting.storms import Storms
from rtmd.alerting.suppression import ECHO, Suppression
from rtmd.alerting.words import resolution
from rtmd.model.effects import (
    Effect,
    GroupDropped,
    GroupSaved,
    Journaled,
    LedgerSaved,
    MembershipSaved,
    Notify,
    StormSaved,
)
from rtmd.model.firing import Firing
from rtmd.model.group import GroupKey, Membership
from rtmd.model.inputs import Restored
from rtmd.model.policy import Policy, Route, Timers
from rtmd.model.reaction import ActionRun, Alert, Digest, Notification, NotifyReason, Told
from rtmd.model.replace import replace
from rtmd.model.rule import MINUTE
from rtmd.model.silence import Silence

LAST_WORD = 30 * MINUTE  # that it resolved is told by then, whatever a group's interval: firings are forgotten
_CONTEXT = 100  # so many standing firings are worth naming beside the news


class Dispatch:
    """Who is told what, and when.

    `find` gives a firing by its id, `notify_of` whom it tells (`routing.addressees`; nobody: it is not told of),
    `runs_of` what it ran, `correlations_of` the firings of correlations in which it takes part.
    """

    def __init__(
        self,
        find: Callable[[str], Firing | None],
        notify_of: Callable[[Firing], tuple[str, ...]],
        runs_of: Callable[[str], Sequence[ActionRun]],
        correlations_of: Callable[[Firing], Iterable[Firing]],
    ) -> None:
        self.silences = Silences()
        self.ledger = Ledger()
        self.groups = Groups()
        self.storms = Storms()
        explained = Explained(correlations_of, self.ledger.was_told)
        self.suppression = Suppression(self.silences, Inhibitions(find), explained)
        self.policy = Policy()
        self._recheck: set[int] = set()  # when what changed since the last look may let something be said
        self._find = find
        self._notify_of = notify_of
        self._runs_of = runs_of

    def __repr__(self) -> str:
        return f"<Dispatch {self.groups!r}, {self.ledger!r}>"

    def load(self, policy: Policy, firings: Iterable[Firing], at: int) -> None:
        """Another policy: every firing finds its groups anew; what receivers know already is not said again."""
        self.policy = policy
        known = list(firings)
        self.suppression.load(policy, known)
        self.groups.clear()
        self._place_anew(sorted(known, key=lambda each: each.id), at)
        self.groups.settle()

    def restore(self, given: Restored, firings: Iterable[Firing], at: int) -> None:
        """Take up what an earlier run left; whose routes are gone since is placed anew."""
        known = list(firings)
        self.silences.restore(given.silences)
        self.ledger.restore(given.ledger)
        self.storms.restore(given.storms)
        self.suppression.load(self.policy, known)
        self.groups.restore(given.groups, given.memberships, self._pace)
        self._place_anew(list(filter(None, map(self._find, self.groups.moved))), at)

    def replace(self, firings: Iterable[Firing], at: int) -> None:
        """The rules of these firings tell others now: they find their groups anew."""
        for firing in firings:
            for group in self.groups.of(firing.id):
                self.groups.leave(firing.id, group)
            self.place(firing, at)

    def notice(self, firing: Firing, at: int, *, relabelled: bool) -> None:
        """A firing changed: what it mutes, or is muted by, may be something else now, or soon."""
        inhibitions = self.suppression.inhibitions
        inhibitions.put(firing)
        ends = inhibitions.ends(firing)
        if relabelled or ends is not None:
            self._recheck.add((at if ends is None else ends) + ECHO)

    def place(self, firing: Firing, at: int) -> None:
        """A firing opened, came back or rose: it enters the groups of its stage, and leaves the others."""
        for group in self.groups.of(firing.id):
            if group.key.stage is not firing.stage:
                self.groups.leave(firing.id, group)
        labels = exposed(firing)
        for route in routes_of(self._notify_of(firing), self.policy.route, labels):
            self.groups.enter(firing, route, labels, at)

    def look_again(self, firing: Firing, at: int) -> None:
        """Something else is to be said of a firing than before."""
        for group in self.groups.of(firing.id):
            self.groups.call(group, at)

    def settle(self, firing: Firing, at: int) -> Iterator[Effect]:
        """A firing resolved, and does not flap: those who know of it are told, through its groups or their own."""
        groups = self.groups.of(firing.id)
        for group in groups:
            self._call_for_the_end(group, at)
        self._place_resolved(firing, at, reached={group.key.receiver for group in groups})
        yield from map(LedgerSaved, self.ledger.settle(firing, at))

    def divert(self, message: Notification, fallback: str, error: str, at: int) -> Iterator[Effect]:
        """Tell the fallback of a receiver what that one could not be told, unless it knows already.

        The ledger remembers it like everything that is told: so it is said once, also over restarts, and whoever
        heard of a firing this way hears of its end.
        """
        says = []
        for alert in message.alerts:
            current = self._find(alert.firing.id)
            over = current is None or not current.open
            if self.ledger.knows(alert, fallback, message.at) or (over and not alert.resolved):
                continue  # of what is over already, only the end is worth a message
            stage = alert.firing.stage
            says.append(self.ledger.tell(alert.firing, fallback, alert.told, stage, at=at, reason=alert.reason))
        if says or message.digest:
            alerts = tuple(says) or message.alerts
            diverted = replace(message, key=f"{message.key}/{fallback}", receiver=fallback, at=at, alerts=alerts)
            yield from self._note(diverted)
            yield from self._send(replace(diverted, standing=(), instead_of=message.receiver, because=error))

    def escalate(self, firing: Firing, receiver: str, at: int, *, key: str, reason: str) -> Iterator[Effect]:
        """Tell somebody of a firing because nobody has it, whatever they know; of its end they hear as others do."""
        known = self.ledger.get(firing.id, receiver)
        told = Told.FIRING if known is None or known.told in UNAWARE else Told.STILL_FIRING
        alert = self.ledger.tell(firing, receiver, told, firing.stage, at=at, reason=reason)
        yield from self._tell(Notification(f"{key}/{receiver}", receiver, at, NotifyReason.ESCALATION, (alert,)))

    def announce(self, silence: Silence, firings: Iterable[Firing], at: int, wall: int) -> Iterator[Effect]:
        """The silence over these firings ends soon: who knows that they fire is told, in the groups that they know."""
        found: dict[GroupKey, list[Firing]] = {}
        for firing in firings:
            if self.suppression.inhibitions.culprit(exposed(firing), at) is None:
                for group in self.groups.of(firing.id):
                    if self.ledger.stands(firing.id, group.key):
                        found.setdefault(group.key, []).append(firing)
        reason = f"still firing; the silence by {silence.created_by} ends at {clock(silence.ends_at)}"
        for key in sorted(found):
            if not self.closed_by(key, wall):
                tell = partial(self.ledger.tell, told=Told.STILL_FIRING, stage=key.stage, at=at, reason=reason)
                alerts = tuple(tell(firing, key.receiver) for firing in found[key])
                message = f"{_digest(key)}/{at}/{silence.id}"
                yield from self._tell(
                    Notification(message, key.receiver, at, NotifyReason.SILENCE_ENDS, alerts, key.labels)
                )

    def hold(self, firing: Firing, why: str) -> Iterator[Effect]:
        """A silence over a firing has ended: those who know that it fires hear so, once it is clear that it goes on."""
        yield from map(LedgerSaved, self.ledger.hold(firing, why))

    def call_withheld(self, at: int) -> None:
        """Something that mutes may have ended: look at every group that has something to say."""
        for firing_id, receiver in self.ledger.withheld():
            for group in self.groups.of(firing_id):
                # One that was not looked at yet still gathers, and will be.
                if group.key.receiver == receiver and group.times.flushed_at is not None:
                    self.groups.hasten(group, at)

    def flush(self, at: int, wall: int) -> Iterator[Effect]:
        """Look at the groups whose time has come."""
        for recheck in sorted(self._recheck):
            self.call_withheld(recheck)
        self._recheck.clear()
        # Correlations first: who is told of one is not told of its members.
        for group in sorted(self.groups.take_due(at), key=self._of_members_only):
            yield from self._flush(group, at, wall)
        for summary in self.storms.take_due(at):
            yield from self._send(summary)

    def next_due(self) -> int | None:
        """When something is to be looked at, or summed up."""
        due = (self.groups.next_due(), self.storms.next_due())
        return min((each for each in due if each is not None), default=None)

    def shift(self, gap: int, *, quiet_until: int) -> None:
        """Nobody watched for `gap` ms, and nothing is to be said before `quiet_until`."""
        self.groups.shift(gap, quiet_until=quiet_until)
        self.storms.shift(gap)

    def storm_over(self, firing: Firing) -> str:
        """A receiver of the firing that has more than it can read; empty where there is none."""
        receivers = sorted({group.key.receiver for group in self.groups.of(firing.id)})
        return next(filter(self.storms.lasts, receivers), "")

    def muting(self, firing: Firing, key: GroupKey, at: int, wall: int) -> Verdict | None:
        """What mutes a firing towards the receiver of a group."""
        return self.suppression.verdict(firing, at, wall, self._route(key))

    def closed_by(self, key: GroupKey, wall: int) -> tuple[str, ...]:
        """The calendars that keep a group from being told of anything that fires."""
        return self.suppression.closed_by(self._route(key), wall)

    def changes(self) -> Iterator[Effect]:
        """What the store must know about the groups since the last call."""
        for key in sorted(self.groups.changed):
            group = self.groups.get(key)
            yield GroupSaved(group.times) if group else GroupDropped(key)
        for firing_id in sorted(self.groups.moved):
            keys = sorted(group.key for group in self.groups.of(firing_id))
            yield MembershipSaved(Membership(firing_id, tuple(keys)))
        for receiver in sorted(self.storms.changed):
            yield StormSaved(self.storms.get(receiver))
        self.groups.changed.clear()
        self.groups.moved.clear()
        self.storms.changed.clear()

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        self.groups.forget(firing_id)
        self.ledger.forget(firing_id)

    def _of_members_only(self, group: Group) -> bool:
        return not any(firing is not None and firing.correlated for firing in map(self._find, group.members))

    def _route(self, key: GroupKey) -> Route:
        return find(key.route, self.policy.route) or direct(key.receiver, self.policy.route)

    def _pace(self, key: GroupKey) -> Timers | None:
        """The pace of a group of an earlier run; None where its route is gone, or leads to somebody else."""
        route = find(key.route, self.policy.route)
        return route.timers(key.stage) if route and route.receiver == key.receiver else None

    def _place_anew(self, firings: Iterable[Firing], at: int) -> None:
        for firing in firings:
            if firing.open or firing.flaps:
                self.place(firing, at)
            else:
                self._place_resolved(firing, at)

    def _place_resolved(self, firing: Firing, at: int, reached: Collection[str] = ()) -> None:
        for entry in self.ledger.aware(firing.id):
            if entry.receiver not in reached:
                route = direct(entry.receiver, self.policy.route)
                self._call_for_the_end(self.groups.enter(firing, route, exposed(firing), at, news=False), at)

    def _call_for_the_end(self, group: Group, at: int) -> None:
        self.groups.call(group, at)
        self.groups.hasten(group, at + LAST_WORD)

    def _flush(self, group: Group, at: int, wall: int) -> Iterator[Effect]:
        key, times = group.key, group.times
        route = self._route(key)
        overdue = times.sent_at is not None and at - times.sent_at >= group.timers.repeat
        found = look(
            self._members(group, wall),
            lambda firing: self.suppression.verdict(firing, at, wall, route),
            lambda firing: self.suppression.lately(firing, at, wall, route),
            told_before=times.sent_at is not None,
            overdue=overdue,
            swallowed=lambda firing: self._swallowed(firing, wall, route),
        )
        yield from map(LedgerSaved, self.ledger.close(found.unsaid, key.receiver))
        yield from self._withhold(found, group, at)
        if found.reason is not None:
            yield from self._say(group, found, found.reason, at)
        again = None if found.acked_until is None else at + found.acked_until - wall + 1
        self.groups.flushed(group, at, sent=found.reason is not None, standing=found.stands, again=again)
        for firing in found.gone:
            self.groups.leave(firing.id, group)
        # Sources that only linger let go by themselves: nothing else calls for a look then.
        lingering = [verdict.ends_at for _, verdict in found.withheld if verdict.ends_at is not None]
        waited_for = [at] * found.echoing + lingering
        if waited_for:
            self.groups.hasten(group, min(waited_for) + ECHO)

    def _swallowed(self, firing: Firing, wall: int, route: Route) -> bool:
        return not route.resolved_through_silence and bool(self.silences.muting(exposed(firing), wall))

    def _members(self, group: Group, wall: int) -> Iterator[Member]:
        stage, receiver = group.key.stage, group.key.receiver
        found = [self._find(firing_id) for firing_id in group.members]
        # In order of their firing: how they came in may be different after a restart.
        for firing in sorted(filter(None, found), key=lambda each: (each.fired_at, each.id)):
            entry = self.ledger.get(firing.id, receiver)
            risen = entry is not None and entry.stage is not None and entry.stage.rank < stage.rank
            acked = firing.ack.until if firing.ack and firing.ack.until > wall else None
            past = firing.stage.rank < stage.rank or not self._notify_of(firing)
            yield Member(firing, entry.told if entry else None, risen=risen, past=past, acked_until=acked)

    def _withhold(self, found: Findings, group: Group, at: int) -> Iterator[Effect]:
        key = group.key
        for firing, verdict in found.withheld:
            entry = self.ledger.withhold(firing, key.receiver, key.stage, why=verdict.text, at=at)
            if entry is not None:
                if verdict.limiter == "silenced":
                    self.silences.count(verdict.by)
                yield LedgerSaved(entry)
                text = f"not told to {key.receiver}: {verdict.text}"
                detail = {"limiter": verdict.limiter, "by": verdict.by, "receiver": key.receiver}
                yield Journaled(at, "suppressed", firing.rule, firing.id, text, detail)

    def _say(self, group: Group, found: Findings, reason: NotifyReason, at: int) -> Iterator[Effect]:
        receiver = group.key.receiver
        repeats = reason is NotifyReason.REPEAT
        says = [(firing, Told.STILL_FIRING) for firing in found.standing] if repeats else found.says
        alerts = tuple(self._alert(firing, told, group.key, at, repeats=repeats) for firing, told in says)
        standing = () if repeats else tuple(found.standing[:_CONTEXT])
        key = f"{_digest(group.key)}/{at}/{group.times.count + 1}"
        yield from self._tell(Notification(key, receiver, at, reason, alerts, group.key.labels, standing))

    def _tell(self, message: Notification) -> Iterator[Effect]:
        """What a group has to say, by itself or in a summary."""
        yield from self._note(message)
        said = self.storms.take(message, message.at)
        if said is not None:
            yield from self._send(said)

    def _note(self, message: Notification) -> Iterator[Effect]:
        """The receiver is told of these, now or in a summary."""
        for alert in message.alerts:
            entry = self.ledger.get(alert.firing.id, message.receiver)
            yield from [LedgerSaved(entry)] if entry else ()

    def _send(self, message: Notification) -> Iterator[Effect]:
        if message.digest is not None:
            firing = self.ledger.known_count(message.receiver)
            message = replace(message, digest=replace(message.digest, firing=firing))
        if message.digest is not None and message.digest.phase is not None:
            yield _journalled(message, message.digest)
        yield Notify(replace(message, alerts=tuple(map(self._present, message.alerts))))
        for alert in message.alerts:
            text = f"{alert.told} to {message.receiver}: {alert.reason}"
            detail = {"key": message.key, "reason": str(message.reason), "receiver": message.receiver}
            yield Journaled(message.at, "told", alert.firing.rule, alert.firing.id, text, detail)

    def _present(self, alert: Alert) -> Alert:
        """As it is by now: a summary may speak of something older."""
        firing = self._find(alert.firing.id) or alert.firing
        told = alert.told if firing.open or firing.flaps else Told.RESOLVED
        return replace(alert, firing=firing, told=told, runs=tuple(self._runs_of(firing.id)))

    def _alert(self, firing: Firing, told: Told, key: GroupKey, at: int, *, repeats: bool) -> Alert:
        entry = self.ledger.get(firing.id, key.receiver)
        match told:
            case Told.RESOLVED:
                reason = resolution(firing)
            case Told.STILL_FIRING:
                why = "" if repeats or entry is None else "flapping" if entry.told is Told.FLAPPING else entry.why
                reason = f"still firing, was {why}" if why else "still firing"
            case Told.FLAPPING:
                reason = "it comes and goes: nothing more is said of it until that is over"
            case _:
                reason = firing.reason
        return self.ledger.tell(firing, key.receiver, told, key.stage, at=at, reason=reason)


def _journalled(message: Notification, digest: Digest) -> Journaled:
    text = f"storm towards {message.receiver} {digest.phase}: {digest.fired} fired, {digest.ended} ended"
    top = ", ".join(f"{rule} {count}" for rule, count in digest.top)
    return Journaled(message.at, "storm", digest.first, text=text, detail={"key": message.key, "top": top})


def _digest(key: GroupKey) -> str:
    return blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
