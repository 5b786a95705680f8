"""What the API needs from the daemon, on one page; `rtmd.runtime` implements it, tests fake it.

All methods run on the daemon's loop. Reads see the state between two steps; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from rtmd.api.questions import Answer, Question
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.effects import Answered, Audited
from rtmd.model.firing import Firing
from rtmd.model.inputs import AskedInput, SilenceSet
from rtmd.model.matcher import Matcher
from rtmd.model.policy import Policy
from rtmd.model.rule import StageName
from rtmd.model.silence import Silence
from rtmd.model.standing import Standing, StandingGroup
from rtmd.wire import FiringDetail, FiringView, RuleErrorView, StatusView
from rtmd.wire.audit import AuditView, VerifiedView
from rtmd.wire.curves import CurveView
from rtmd.wire.deliveries import OutboxView, ReceiverView, RetryRequest, TryResult
from rtmd.wire.explain import ExplainView
from rtmd.wire.marks import MarkView
from rtmd.wire.noise import NoiseView
from rtmd.wire.prometheus import RuleGroup, SeriesExemplars
from rtmd.wire.rules import ReloadView, RuleFileView, RuleView
from rtmd.wire.silences import SilencePreview, SilenceView


class Metric(Struct, frozen=True):
    """One metric family of /metrics; `rows` are (label pairs, value)."""

    name: str
    kind: str  # counter | gauge | histogram
    help: str
    rows: Sequence[tuple[Sequence[tuple[str, str]], float]]


class DeliveryDesk(Protocol):
    """Receivers and the outbox."""

    def receivers(self) -> list[ReceiverView]:
        """All receivers by name."""
        ...

    def outbox(self) -> OutboxView:
        """What waits and what was given up."""
        ...

    async def retry(self, wanted: RetryRequest, by: str, origin: str) -> list[str]:
        """Bring dead letters back; their keys, once that is on disk. NotFoundError when none was meant."""
        ...

    async def try_out(self, receiver: str, by: str, origin: str) -> TryResult:
        """Send a test message; NotFoundError when there is no such receiver."""
        ...


class AuditDesk(Protocol):
    """Who changed what."""

    async def lines(self, *, since: int, by: str, what: str, limit: int) -> list[AuditView]:
        """The latest lines since then (wall time) by somebody, of a verb or about an object; oldest first."""
        ...

    async def verify(self) -> VerifiedView:
        """Whether the trail is as it was written."""
        ...


class AlertmanagerDesk(Protocol):
    """What an Alertmanager would know."""

    def alerts(self) -> list[Standing]:
        """All open firings but those of rules in shadow."""
        ...

    def groups(self) -> list[StandingGroup]:
        """The groups they are told in."""
        ...

    def silences(self) -> list[Silence]:
        """All silences that are remembered."""
        ...

    def policy(self) -> Policy:
        """Whom to tell and when."""
        ...


class Desk(Protocol):
    """The daemon as its API sees it."""

    epoch: str  # new at each start: readers of the stream resume only within one
    series: SeriesTable  # decoders intern into this

    @property
    def deliveries(self) -> DeliveryDesk:
        """Receivers and the outbox."""
        ...

    @property
    def audit(self) -> AuditDesk:
        """Who changed what."""
        ...

    @property
    def alertmanager(self) -> AlertmanagerDesk:
        """Firings, groups and silences as Alertmanager's clients ask for them."""
        ...

    def wall(self) -> int:
        """Wall time, ms."""
        ...

    def now(self) -> int:
        """Engine time, ms."""
        ...

    def has_room(self) -> bool:
        """Whether nobody would have to wait for `room` now."""
        ...

    async def room(self) -> None:
        """Wait until there is time for more samples: not while decisions are on their way to people."""
        ...

    def ingest(self, source: str, batch: SampleBatch) -> None:
        """Queue one atomic batch; it is applied in the loop's next step."""
        ...

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count samples or posts that were refused before they became a batch."""
        ...

    async def ask(self, make: Callable[[int], AskedInput]) -> Answered:
        """Send what somebody waits for (`make` is given the request number); resolves when it is on disk."""
        ...

    def denied(self, attempt: Audited) -> None:
        """Write down that somebody was refused what they may not do; its time is filled in."""
        ...

    def status(self) -> StatusView:
        """The header."""
        ...

    def firings(self, ids: Iterable[str] | None = None) -> list[FiringView]:
        """These firings (unknown ids are left out); None: all open ones and those resolved lately."""
        ...

    def detail(self, firing_id: str) -> FiringDetail | None:
        """Everything recorded about one firing."""
        ...

    def past(self, firing_id: str) -> Firing | None:
        """A firing that only the store remembers."""
        ...

    async def curve(self, firing_id: str, stage: StageName | None, points: int) -> CurveView | None:
        """What a stage of it looked at over time (None: the one that it has); None where there is no such firing."""
        ...

    async def noise(self, days: int) -> NoiseView:
        """How noisy the rules were in the last days."""
        ...

    def silences(self) -> list[SilenceView]:
        """All silences that are remembered."""
        ...

    def preview(self, wanted: SilenceSet) -> SilencePreview:
        """What this silence would hide; RefusedError for one that nobody may make."""
        ...

    async def explain(self, firing_id: str, receiver: str) -> ExplainView | None:
        """The story of a firing, or what of it concerned a receiver; None where none is remembered."""
        ...

    def marks(self, since: int) -> list[MarkView]:
        """What was reported since then (wall time), oldest first."""
        ...

    def rules(self) -> list[RuleView]:
        """The loaded rules."""
        ...

    async def rule_file(self, name: str) -> RuleFileView | None:
        """Where this rule file is, if it is one of the daemon's and still there."""
        ...

    def rule_errors(self) -> list[RuleErrorView]:
        """What is wrong with the files on disk."""
        ...

    async def answer(self, question: Question, seconds: float) -> Answer:
        """What memory and sample log hold about samples; an error when that takes longer than `seconds`."""
        ...

    def rule_groups(self) -> list[RuleGroup]:
        """The rules in force and what they do, as alerting rules of Prometheus."""
        ...

    def exemplars(self, wanted: Sequence[tuple[Matcher, ...]], start: int, end: int) -> list[SeriesExemplars]:
        """What is kept of the series that one of these selectors matches, with times in [start, end]."""
        ...

    def trouble(self) -> str:
        """Why rules are not being evaluated; empty while they are."""
        ...

    async def reload(self, by: str, origin: str, *, confirmed: bool) -> list[RuleErrorView]:
        """Read rules and configuration again, now, and write down who asked; confirmed firing rules may vanish."""
        ...

    def latest_reload(self) -> ReloadView:
        """What the latest reload did, and what waits for a confirmation."""
        ...

    def metrics(self) -> list[Metric]:
        """Everything for /metrics."""
        ...
