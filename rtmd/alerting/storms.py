"""Storms (semantics S9): more news a minute towards a receiver than anybody can read.

News are firings that a receiver is to be told of, and ends of such that it knew of, each counted by itself over the
last minute. From more than the receiver's limit of either on, what groups have to say is told in one summary at
once, then in one a minute while as much is new, and in a last one when a minute passed with no more than the limit.
The ledger is told of each firing as ever: who heard of it in a summary hears of its end, in a summary or by itself.

The counts of a storm begin with the minute before it, so that the rule that fired first is among them. What is
repeated is no news; of more than the limit only one is told in full, and how many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from rtmd.model.reaction import Alert, Digest, News, Notification, NotifyReason, Storm, StormPhase
from rtmd.model.replace import replace
from rtmd.model.rule import MINUTE, SECOND

LIMIT = 30  # news a minute
_TOP = 3


class _Towards(Struct):
    """How it stands with one receiver: what came in the last minute, by second and rule, and the storm."""

    storm: Storm  # but for what changes all the time:
    recent: Counter[tuple[int, str, bool]] = field(default_factory=Counter)  # second, rule, whether it ended
    counts: Counter[str] = field(default_factory=Counter)
    ended: int = 0

    @classmethod
    def restored(cls, storm: Storm) -> _Towards:
        """From what was kept."""
        recent = Counter({(news.second, news.rule, news.ended): news.count for news in storm.recent})
        return cls(storm, recent, Counter(dict(storm.counts)), storm.ended)

    def kept(self) -> Storm:
        """All of it as a value."""
        recent = tuple(News(*key, count) for key, count in sorted(self.recent.items()))
        return replace(self.storm, recent=recent, counts=tuple(sorted(self.counts.items())), ended=self.ended)

    def note(self, alerts: Iterable[Alert], at: int) -> None:
        """These are news."""
        self.age(at)
        for alert in alerts:
            rule, ended = alert.firing.rule, alert.resolved
            self.recent[at // SECOND, rule, ended] += 1
            if self.storm.lasts:
                self.count(rule, 1, ended=ended)

    def count(self, rule: str, amount: int, *, ended: bool) -> None:
        """So many of a rule are part of the storm."""
        if ended:
            self.ended += amount
        else:
            self.counts[rule] += amount

    def age(self, at: int) -> None:
        """Forget what is older than a minute."""
        since = (at - MINUTE) // SECOND
        for key in [key for key in self.recent if key[0] <= since]:
            del self.recent[key]

    def amount(self) -> int:
        """How much of either kind came in the last minute."""
        amounts = Counter[bool]()
        for (_, _, ended), count in self.recent.items():
            amounts[ended] += count
        return max(amounts.values(), default=0)


class Storms:
    """What came towards each receiver lately, and the storms that last. `changed` has receivers that want saving."""

    def __init__(self) -> None:
        self.changed: dict[str, None] = {}
        self._limits: Mapping[str, int] = {}
        self._of: dict[str, _Towards] = {}

    def __repr__(self) -> str:
        return f"<Storms {len(self.lasting())} of {len(self._of)} receivers>"

    def load(self, limits: Mapping[str, int], receivers: Iterable[str]) -> None:
        """Other limits by receiver (0: none); what is not among `receivers` any more has no storm."""
        self._limits = limits
        known = {name for name in receivers if self._limit(name)}
        for name in sorted(self._of.keys() - known):
            self._of[name] = _Towards(Storm(name))
            self.changed[name] = None

    def restore(self, storms: Iterable[Storm]) -> None:
        """Take up those of an earlier run."""
        self._of.update((storm.receiver, _Towards.restored(storm)) for storm in storms)

    def get(self, receiver: str) -> Storm:
        """How it stands with a receiver."""
        return self._of[receiver].kept() if receiver in self._of else Storm(receiver)

    def lasts(self, receiver: str) -> bool:
        """Whether there is a storm towards it."""
        return receiver in self._of and self._of[receiver].storm.lasts

    def lasting(self) -> list[Storm]:
        """The storms that last, by receiver."""
        return [towards.kept() for _, towards in sorted(self._of.items()) if towards.storm.lasts]

    def shift(self, gap: int) -> None:
        """Nobody watched for `gap` ms."""
        for name, towards in self._of.items():
            seconds = gap // SECOND
            towards.recent = Counter({(key[0] + seconds, *key[1:]): count for key, count in towards.recent.items()})
            if towards.storm.lasts:
                towards.storm = replace(towards.storm, since=towards.storm.since + gap, due=towards.storm.due + gap)
            self.changed[name] = None

    def next_due(self) -> int | None:
        """When the next summary is."""
        return min((each.storm.due for each in self._of.values() if each.storm.lasts), default=None)

    def take(self, message: Notification, at: int) -> Notification | None:
        """What a group has to say, as it is said: as it is, in a summary, or (None) in one that is to come."""
        limit = self._limit(message.receiver)
        repeats = message.reason is NotifyReason.REPEAT
        if repeats and not self.lasts(message.receiver):
            return _shortened(message) if 0 < limit < len(message.alerts) else message
        if not limit:
            return message
        towards = self._of.setdefault(message.receiver, _Towards(Storm(message.receiver)))
        self.changed[message.receiver] = None
        if not repeats:
            towards.note(message.alerts, at)
        if towards.storm.lasts:
            worst = max(message.severity, towards.storm.severity, key=lambda each: each.rank)
            towards.storm = replace(towards.storm, severity=worst)
            return None
        return message if towards.amount() <= limit else self._begin(towards, message, at)

    def take_due(self, at: int) -> Iterator[Notification]:
        """The summaries whose time has come, by receiver."""
        for name, towards in sorted(self._of.items()):
            if towards.storm.lasts and towards.storm.due <= at:
                towards.age(at)
                lasts = towards.amount() > self._limit(name)
                yield self._summary(towards, StormPhase.LASTS if lasts else StormPhase.OVER, at)

    def _limit(self, receiver: str) -> int:
        return self._limits.get(receiver, LIMIT)

    def _begin(self, towards: _Towards, message: Notification, at: int) -> Notification:
        lead = min(message.alerts, key=lambda alert: (alert.resolved, alert.firing.fired_at, alert.firing.id))
        second, rule, _ = min(towards.recent, key=lambda key: (key[2], key[0], key[1] != lead.firing.rule, key[1]))
        towards.counts, towards.ended = Counter(), 0
        for (_, name, ended), count in towards.recent.items():
            towards.count(name, count, ended=ended)
        since = max(second * SECOND, 1)
        towards.storm = Storm(message.receiver, since, due=at, first=rule, lead=lead, severity=message.severity)
        return self._summary(towards, StormPhase.BEGINS, at)

    def _summary(self, towards: _Towards, phase: StormPhase, at: int) -> Notification:
        storm, fired = towards.storm, towards.counts.total()
        assert storm.lead is not None  # noqa: S101  # every storm begins with one
        digest = Digest(
            phase,
            storm.since,
            fired=fired,
            new=fired - storm.told,
            ended=towards.ended,
            first=storm.first,
            top=_top(towards.counts),
            severity=storm.severity,
        )
        key = f"storm/{storm.receiver}/{storm.since}/{storm.number + 1}"
        self.changed[storm.receiver] = None
        if phase is StormPhase.OVER:
            towards.storm, towards.counts, towards.ended = Storm(storm.receiver), Counter(), 0
        else:
            towards.storm = replace(storm, number=storm.number + 1, told=fired, due=at + MINUTE)
        return Notification(key, storm.receiver, at, NotifyReason.STORM, (storm.lead,), digest=digest)


def _top(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_TOP])


def _shortened(message: Notification) -> Notification:
    """A repetition of more than anybody reads: the first one, and how many there are."""
    counts = Counter(alert.firing.rule for alert in message.alerts)
    first, worst = message.alerts[0].firing, message.severity
    digest = Digest(None, first.fired_at, fired=counts.total(), first=first.rule, top=_top(counts), severity=worst)
    return replace(message, alerts=message.alerts[:1], digest=digest)
