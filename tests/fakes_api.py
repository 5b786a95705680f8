"""A desk without a daemon behind it: remembers what it was asked and answers what it was told to."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from rtmd.api.app import App, build_app
from rtmd.api.desk import Metric
from rtmd.api.questions import Answer, Question
from rtmd.api.server import Server
from rtmd.api.stream import Hub
from rtmd.config import Config, DaemonConfig, Limits, Role, TcpListen, Token, UnixListen
from rtmd.errors import NotFoundError
from rtmd.formats.batch import SampleBatch, SeriesTable
from rtmd.model.effects import Answered, Audited
from rtmd.model.firing import Firing
from rtmd.model.inputs import AskedInput, SilenceSet
from rtmd.model.matcher import Matcher
from rtmd.model.policy import Policy
from rtmd.model.rule import StageName
from rtmd.model.silence import Silence
from rtmd.model.standing import Standing, StandingGroup
from rtmd.wire import (
    FiringDetail,
    FiringView,
    JournalView,
    RuleErrorView,
    StageView,
    StatusView,
)
from rtmd.wire.actions import HoldView
from rtmd.wire.audit import AuditView, VerifiedView
from rtmd.wire.curves import CurveView
from rtmd.wire.deliveries import LetterView, OutboxView, ReceiverView, RetryRequest, TryResult
from rtmd.wire.explain import ExplainView
from rtmd.wire.marks import MarkView
from rtmd.wire.noise import NoiseView
from rtmd.wire.prometheus import RuleGroup, SeriesExemplars
from rtmd.wire.rules import ReloadView, RuleFileView, RuleView
from rtmd.wire.silences import SilencePreview, SilenceView
from rtmd.wire.watchers import WatcherView

NOW = 1_790_000_000_000
ME = pwd.getpwuid(os.geteuid()).pw_name


def firing_view(firing_id: str = "f1", *, stage: str = "minutes", **changes: object) -> FiringView:
    """A firing as the daemon shows it."""
    fields: dict[str, object] = {
        "id": firing_id,
        "version": 3,
        "rule": "mention-surge",
        "title": "acme: mentions surge",
        "labels": {"brand": "acme"},
        "group": {"brand": "acme"},
        "kind": "opportunity",
        "severity": "warning",
        "stage": stage,
        "state": "firing",
        "stages": [StageView(name=stage, state="firing", threshold="> 80", value=93.0)],
        "value": 93.0,
        "threshold": "> 80",
        "unit": "mentions/min",
        "active_at": NOW - 180_000,
        "fired_at": NOW - 60_000,
    }
    return FiringView(**{**fields, **changes})  # type: ignore[arg-type]


def silence_view(silence_id: str = "s1", **changes: object) -> SilenceView:
    """A silence as the daemon shows it."""
    fields: dict[str, object] = {
        "id": silence_id,
        "state": "active",
        "matchers": ['rule="mention-surge"'],
        "starts_at": NOW - 60_000,
        "ends_at": NOW + 600_000,
        "created_by": "ana",
        "comment": "known",
        "updated_at": NOW - 60_000,
        "matches_now": 1,
    }
    return SilenceView(**{**fields, **changes})  # type: ignore[arg-type]


def config(
    *,
    users: dict[str, Role] | None = None,
    tcp_role: Role = Role.VIEW,
    limits: Limits | None = None,
    tokens: dict[str, Token] | None = None,
) -> Config:
    """A configuration with nothing but what the API looks at."""
    daemon = DaemonConfig(rules=(), state=Path("/nonexistent"), listen=(), tcp_role=tcp_role)
    return Config(daemon=daemon, users=users or {}, limits=limits or Limits(), tokens=tokens or {})


class FakeAudit:
    """Implements `rtmd.api.desk.AuditDesk`."""

    def __init__(self) -> None:
        self.kept = [AuditView(1, NOW, "ana", "ack", "f1", "on it"), AuditView(2, NOW, "bo", "silence", "s1")]
        self.verified = VerifiedView(2, "ab12")

    async def lines(self, *, since: int, by: str, what: str, limit: int) -> list[AuditView]:
        fitting = [each for each in self.kept if by in ("", each.by) and what in ("", each.verb, each.object)]
        return [each for each in fitting if each.at >= since][-limit:]

    async def verify(self) -> VerifiedView:
        return self.verified


class FakeDeliveries:
    """Implements `rtmd.api.desk.DeliveryDesk`."""

    def __init__(self) -> None:
        self.kept = [ReceiverView("desk", "slack", "open", 2, 1, NOW - 60_000, "hooks.example: answered 503", "mail")]
        self.letters = [LetterView("f1/desk/1", "desk", NOW, "acme: firing", 3, error="answered 410")]
        self.waits = [LetterView("f2/desk/1", "desk", NOW, "zeta: firing", 2, due=NOW + 5_000)]
        self.asked: list[tuple[str, object]] = []
        self.result = TryResult("desk")

    def receivers(self) -> list[ReceiverView]:
        return self.kept

    def outbox(self) -> OutboxView:
        return OutboxView(self.waits, self.letters)

    async def retry(self, wanted: RetryRequest, by: str, origin: str) -> list[str]:
        assert origin
        self.asked.append((by, wanted))
        if wanted.keys == ["none"]:
            raise NotFoundError("there is no such dead letter")
        return [letter.key for letter in self.letters]

    async def try_out(self, receiver: str, by: str, origin: str) -> TryResult:
        assert origin
        self.asked.append((by, receiver))
        if receiver != "desk":
            raise NotFoundError(f'there is no receiver "{receiver}"')
        return self.result


class FakeAlertmanager:
    """Implements `rtmd.api.desk.AlertmanagerDesk`."""

    def __init__(self) -> None:
        self.standing: list[Standing] = []
        self.told: list[StandingGroup] = []
        self.kept: list[Silence] = []
        self.given = Policy()

    def alerts(self) -> list[Standing]:
        return self.standing

    def groups(self) -> list[StandingGroup]:
        return self.told

    def silences(self) -> list[Silence]:
        return self.kept

    def policy(self) -> Policy:
        return self.given


class FakeDesk:
    """Implements `rtmd.api.desk.Desk`."""

    def __init__(self) -> None:
        self.epoch = "e1"
        self.deliveries = FakeDeliveries()
        self.alertmanager = FakeAlertmanager()
        self.audit = FakeAudit()
        self.series = SeriesTable()
        self.time = NOW
        self.batches: list[tuple[str, SampleBatch]] = []
        self.drops: Counter[str] = Counter()
        self.asked: list[AskedInput] = []
        self.answered = Answered(request=0, id="made-1")
        self.open: dict[str, FiringView] = {"f1": firing_view()}
        self.kept_silences = [silence_view()]
        self.weighed = SilencePreview(['rule="mention-surge"'], NOW, NOW + 900_000, "end", matches=3, of=12, critical=0)
        self.attempts: list[Audited] = []
        self.previewed: list[SilenceSet] = []
        self.kept_rules = [
            RuleView("mention-surge", "rules/mentions.toml", 4, "opportunity", ["seconds", "minutes"], 1)
        ]
        self.kept_marks: list[MarkView] = []
        self.explained: list[tuple[str, str]] = []
        self.story = ExplainView(NOW, firing_view(), [])
        self.errors: list[RuleErrorView] = []
        self.watchers: list[WatcherView] = []
        self.held: HoldView | None = None
        self.rule_files: dict[str, RuleFileView] = {}
        self.history: dict[str, Firing] = {}
        self.heard = NoiseView(7, NOW - 7 * 86_400_000, NOW, [])
        self.drawn: list[tuple[str, StageName | None, int]] = []
        self.noise_of: list[int] = []  # days
        self.reloads: list[str] = []  # who confirmed each
        self.reloaded = ReloadView()
        self.questions: list[tuple[Question, float]] = []
        self.thinking = False
        self.busy: asyncio.Event | None = None  # until it is set there is no room
        self.taken_up, self.given_up = asyncio.Event(), asyncio.Event()
        self.told = Answer((b'{"resultType":"vector",', b'"result":[]}'))
        self.groups: list[RuleGroup] = []
        self.evidence: list[SeriesExemplars] = []
        self.wanted: list[tuple[tuple[tuple[Matcher, ...], ...], int, int]] = []
        self.stuck = ""
        self.failure: Exception | None = None
        self.asked_for: list[list[str] | None] = []  # ids of each read of firings

    def wall(self) -> int:
        return self.time

    def now(self) -> int:
        return self.time

    def has_room(self) -> bool:
        return self.busy is None or self.busy.is_set()

    async def room(self) -> None:
        if self.busy is not None:
            await self.busy.wait()

    def ingest(self, source: str, batch: SampleBatch) -> None:
        self.batches.append((source, batch))

    def dropped(self, reason: str, count: int = 1) -> None:
        self.drops[reason] += count

    async def ask(self, make: Callable[[int], AskedInput]) -> Answered:
        self.asked.append(make(len(self.asked) + 1))
        return self.answered

    def denied(self, attempt: Audited) -> None:
        self.attempts.append(attempt)

    def status(self) -> StatusView:
        if self.failure is not None:
            raise self.failure
        return StatusView(
            version="0.1.0",
            name="rtmd",
            started_at=NOW - 3_600_000,
            wall=self.time,
            evaluated_at=self.time - 1_000,
            at=self.time,
            rules=len(self.kept_rules),
            series=len(self.series),
            samples=sum(len(batch) for _, batch in self.batches),
            samples_per_second=12.5,
            drops=dict(self.drops),
            firing=len(self.open),
            watching=self.watchers,
            hold=self.held,
        )

    def firings(self, ids: Iterable[str] | None = None) -> list[FiringView]:
        self.asked_for.append(None if ids is None else sorted(ids))
        wanted = self.open if ids is None else ids
        return [self.open[one] for one in sorted(wanted) if one in self.open]

    def detail(self, firing_id: str) -> FiringDetail | None:
        found = self.open.get(firing_id)
        return found and FiringDetail(found, [JournalView(NOW, "transition", "minutes fires")])

    def past(self, firing_id: str) -> Firing | None:
        return self.history.get(firing_id)

    async def curve(self, firing_id: str, stage: StageName | None, points: int) -> CurveView | None:
        self.drawn.append((firing_id, stage, points))
        return CurveView(firing_id, values=[1.0, None]) if firing_id in self.open else None

    async def noise(self, days: int) -> NoiseView:
        self.noise_of.append(days)
        return self.heard

    def silences(self) -> list[SilenceView]:
        return self.kept_silences

    def preview(self, wanted: SilenceSet) -> SilencePreview:
        self.previewed.append(wanted)
        return self.weighed

    async def explain(self, firing_id: str, receiver: str) -> ExplainView | None:
        self.explained.append((firing_id, receiver))
        return self.story if firing_id == "f1" else None

    def marks(self, since: int) -> list[MarkView]:
        return [each for each in self.kept_marks if each.time >= since]

    def rules(self) -> list[RuleView]:
        return self.kept_rules

    async def rule_file(self, name: str) -> RuleFileView | None:
        return self.rule_files.get(name)

    def rule_errors(self) -> list[RuleErrorView]:
        return self.errors

    async def answer(self, question: Question, seconds: float) -> Answer:
        self.questions.append((question, seconds))
        if self.thinking:
            self.taken_up.set()
            try:
                await asyncio.Event().wait()  # for ever
            finally:
                self.given_up.set()
        return self.told

    def rule_groups(self) -> list[RuleGroup]:
        return self.groups

    def exemplars(self, wanted: Sequence[tuple[Matcher, ...]], start: int, end: int) -> list[SeriesExemplars]:
        self.wanted.append((tuple(wanted), start, end))
        return self.evidence

    def trouble(self) -> str:
        return self.stuck

    async def reload(self, by: str, origin: str, *, confirmed: bool) -> list[RuleErrorView]:
        assert origin
        self.reloads.append(by if confirmed else "")
        return self.errors

    def latest_reload(self) -> ReloadView:
        return self.reloaded

    def metrics(self) -> list[Metric]:
        return [Metric("rtmd_firings", "gauge", "Open firings.", [((), float(len(self.open)))])]


@dataclass(frozen=True, slots=True)
class Served:
    """A running server over a fake desk, and clients for both of its sockets."""

    desk: FakeDesk
    hub: Hub
    app: App
    server: Server
    path: Path
    port: int
    unix: httpx.AsyncClient
    tcp: httpx.AsyncClient


@asynccontextmanager
async def serving(
    folder: Path, settings: Config | None = None, desk: FakeDesk | None = None, *, patience: float = 30.0
) -> AsyncIterator[Served]:
    """Serve over a Unix socket in `folder` and a free loopback port."""
    desk = desk or FakeDesk()
    hub = Hub(desk, every=0.01, patience=patience)
    app = build_app(desk, hub, settings or config())
    path = folder / "rtmd.sock"
    server = Server(app, [UnixListen(path), TcpListen("127.0.0.1", 0)], closing=hub.close, grace=1)
    port = int((await server.start())[1].rpartition(":")[2])
    unix = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://localhost")
    tcp = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    try:
        async with unix, tcp:
            yield Served(desk, hub, app, server, path, port, unix, tcp)
    finally:
        await server.stop()
