"""The daemon as its API sees it: `rtmd.api.desk.Desk`, answered from the loop, the pipeline and the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from rtmd import __version__
from rtmd.api.desk import Metric
from rtmd.api.questions import Answer, Question
from rtmd.errors import Located, StoreError
from rtmd.formats.batch import SampleBatch
from rtmd.model.effects import Answered, Audited
from rtmd.model.firing import Firing
from rtmd.model.inputs import AskedInput, SilenceSet
from rtmd.model.matcher import Matcher
from rtmd.model.rule import StageName
from rtmd.model.silence import SilenceState
from rtmd.pipeline import LATENESS, Samples
from rtmd.pipeline.prometheus_views import exemplars, rule_groups
from rtmd.pipeline.rule_views import rule_views
from rtmd.pipeline.silence_views import SilencedCount, endings, silence_preview, silence_views
from rtmd.pipeline.views import firing_view, mark_views
from rtmd.ports import ConfiguredSource
from rtmd.rulefile.head import BUILT_IN
from rtmd.runtime.alertmanager_office import AlertmanagerOffice
from rtmd.runtime.audit import AuditTrail
from rtmd.runtime.curves import curve
from rtmd.runtime.deliveries import Deliveries
from rtmd.runtime.denials import Denials
from rtmd.runtime.explainer import Explainer
from rtmd.runtime.loop import StepLoop, stuck
from rtmd.runtime.noise import NoiseBoard
from rtmd.runtime.readers import Readers
from rtmd.sources.refusals import Refused
from rtmd.wire import FiringDetail, FiringView, JournalView, RuleErrorView, StatusView
from rtmd.wire.curves import CurveView
from rtmd.wire.explain import ExplainView
from rtmd.wire.marks import MarkView
from rtmd.wire.noise import NoiseView
from rtmd.wire.pictures import hold_view
from rtmd.wire.prometheus import RuleGroup, SeriesExemplars
from rtmd.wire.rules import ReloadView, RuleFileView, RuleView
from rtmd.wire.silences import SilencePreview, SilenceView
from rtmd.wire.watchers import WatcherView

_RATE_OVER = 5  # seconds over which samples per second are averaged
_NOTICES = 20
_RELOAD_SHOWN = 60_000  # ms that a reload is a notice


class Board(Struct):
    """What people should know that is no firing: errors in files, notices, a hint of the demo."""

    rule_errors: list[Located] = field(default_factory=list)
    notices: deque[str] = field(default_factory=lambda: deque(maxlen=_NOTICES))
    coach: str = ""
    reload: ReloadView = field(default_factory=ReloadView)  # the latest one
    lateness: dict[str, int] = field(default_factory=dict)  # by source, ms
    sources: Callable[[], Sequence[ConfiguredSource]] = tuple
    watching: Callable[[], list[WatcherView]] = list


class Office:
    """Implements `Desk`. `reload` is given by the daemon."""

    def __init__(
        self,
        loop: StepLoop,
        deliveries: Deliveries,
        board: Board,
        *,
        name: str,
        reload: Callable[[str], Awaitable[None]],
        readers: Readers,
    ) -> None:
        self.series = loop.storage.series
        self._loop = loop
        self._name = name
        self._clock = loop.storage.clock
        self._store = loop.storage.store
        self._samples = loop.storage.samples
        self._denials = Denials(loop.storage)
        self.deliveries = deliveries
        self.alertmanager = AlertmanagerOffice(loop)
        self.audit = AuditTrail(self._store.path)
        self._explainer = Explainer(self._store.path, loop)
        self._noise = NoiseBoard(self._store)
        self._board = board
        self._reload = reload
        self._readers = readers
        self._started_at = self._clock.wall()
        self.epoch = f"{self._started_at:x}"
        self._drops: Counter[str] = Counter()
        self._silenced = SilencedCount()
        self._accepted: deque[int] = deque([0], maxlen=_RATE_OVER + 1)

    def __repr__(self) -> str:
        return f"<Office {self._name} epoch {self.epoch}>"

    def wall(self) -> int:
        """Wall time, ms."""
        return self._clock.wall()

    def now(self) -> int:
        """Engine time, ms."""
        return self._clock.now()

    def has_room(self) -> bool:
        """Whether the loop takes more samples now."""
        return self._loop.inbox.has_room

    async def room(self) -> None:
        """Wait until the loop takes more samples."""
        await self._loop.inbox.room()

    def ingest(self, source: str, batch: SampleBatch) -> None:
        """Queue one atomic batch."""
        self._loop.inbox.put(Samples(source, batch, self._board.lateness.get(source, LATENESS)))

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count what was refused before it became a batch."""
        self._drops[reason] += count

    async def ask(self, make: Callable[[int], AskedInput]) -> Answered:
        """Send what somebody waits for; resolves when it is on disk."""
        return await self._loop.ask(make)

    async def answer(self, question: Question, seconds: float) -> Answer:
        """An answer from the sample log, as far as this moment."""
        with contextlib.suppress(StoreError):  # what is not on disk is lost, and counted
            await asyncio.to_thread(self._samples.flush)
        return await self._readers.answer(question, seconds)

    def rule_groups(self) -> list[RuleGroup]:
        """The rules in force, as Prometheus would show them."""
        return rule_groups(self._loop.pipeline)

    def exemplars(self, wanted: Sequence[tuple[Matcher, ...]], start: int, end: int) -> list[SeriesExemplars]:
        """The evidence that is kept."""
        return exemplars(self._loop.pipeline, wanted, start, end)

    def trouble(self) -> str:
        """Why rules are not being evaluated; empty while they are."""
        return stuck(self._loop.at, self.now())

    async def reload(self, by: str, origin: str, *, confirmed: bool) -> list[RuleErrorView]:
        """Read rules and configuration again, now; confirmed firing rules may vanish."""
        with contextlib.suppress(StoreError):  # a disk that is full keeps nobody from mending the rules
            asked = Audited(self.wall(), by, "reload", "files", "confirmed" if confirmed else "", origin)
            await self._store.commit([asked])
        await self._reload(by if confirmed else "")
        return self.rule_errors()

    def latest_reload(self) -> ReloadView:
        """What the latest reload did, and what waits for a confirmation."""
        return self._board.reload

    def denied(self, attempt: Audited) -> None:
        """Write down who was refused what they may not do."""
        self._denials.note(attempt)

    def tick(self, coach: str = "") -> None:
        """Once a second: remember how much came in, and what to advise."""
        self._accepted.append(self._counted("samples"))
        self._board.coach = coach

    def firings(self, ids: Iterable[str] | None = None) -> list[FiringView]:
        """These firings, or all that are remembered."""
        pipeline, at = self._loop.pipeline, self.now()
        if ids is None:
            return [firing_view(pipeline, firing, at) for firing in pipeline.firings()]
        found = (pipeline.firing(firing_id) for firing_id in ids)
        return [firing_view(pipeline, firing, at) for firing in found if firing is not None]

    def detail(self, firing_id: str) -> FiringDetail | None:
        """One firing with its evidence and its journal; old ones come from the store."""
        firing = self._loop.pipeline.firing(firing_id) or self._store.firing(firing_id)
        if firing is None:
            return None
        journal = [JournalView(entry.at, entry.kind, entry.text) for entry in self._store.journal(firing_id)]
        return FiringDetail(firing_view(self._loop.pipeline, firing, self.now(), evidence=True), journal)

    def past(self, firing_id: str) -> Firing | None:
        """A firing that only the store remembers."""
        return None if self._loop.pipeline.firing(firing_id) else self._store.firing(firing_id)

    async def curve(self, firing_id: str, stage: StageName | None, points: int) -> CurveView | None:
        """The signal of a firing over time, from the sample log."""
        pipeline = self._loop.pipeline
        firing = pipeline.firing(firing_id) or self._store.firing(firing_id)
        return None if firing is None else await curve(pipeline, firing, self.answer, stage=stage, points=points)

    async def noise(self, days: int) -> NoiseView:
        """How noisy the rules in force were."""
        return await self._noise.look(self._loop.pipeline.entries, self.now(), days)

    def silences(self) -> list[SilenceView]:
        """All silences, those that end last first."""
        return silence_views(self._loop.pipeline, self.now())

    def preview(self, wanted: SilenceSet) -> SilencePreview:
        """What this silence would hide."""
        return silence_preview(self._loop.pipeline, wanted, self.now())

    async def explain(self, firing_id: str, receiver: str) -> ExplainView | None:
        """The story of a firing, also of one that only the store remembers."""
        return await self._explainer.explain(firing_id, self.now(), receiver)

    def marks(self, since: int) -> list[MarkView]:
        """What was reported since then, oldest first."""
        return mark_views(self._loop.pipeline, since, self.now())

    def rules(self) -> list[RuleView]:
        """The rules in force."""
        return rule_views(self._loop.pipeline)

    async def rule_file(self, name: str) -> RuleFileView | None:
        """Where a rule file is: of a rule, or of what is wrong; nothing is said of other files."""
        pipeline = self._loop.pipeline
        known = {rule.file for rules in (pipeline.entries, pipeline.engine.disabled) for rule in rules.values()}
        if name not in known | {error.file for error in self._board.rule_errors}:
            return None
        return await asyncio.to_thread(_rule_file, name)

    def rule_errors(self) -> list[RuleErrorView]:
        """What is wrong with the files on disk."""
        return [RuleErrorView(each.file, each.line, each.column, each.problem) for each in self._board.rule_errors]

    def status(self) -> StatusView:
        """The header of the screen."""
        pipeline, now, wall = self._loop.pipeline, self.now(), self.wall()
        silences = pipeline.reactor.dispatch.silences
        active = sum(silence.state(wall) is SilenceState.ACTIVE for silence in silences)
        is_open = [firing for firing in pipeline.firings() if firing.open]
        tables = [table for rule in pipeline.engine.rules for table in pipeline.engine.tables(rule)]
        notices = [*self._board.notices, *(f"{name}: {why}" for name, why in sorted(self.deliveries.troubles.items()))]
        if wall - self._board.reload.wall < _RELOAD_SHOWN:
            notices.insert(0, f"rules reloaded: {self._board.reload.summary}")
        notices += [f"source {each.name}: {each.last_error}" for each in self._board.sources() if each.last_error]
        notices += endings(pipeline, now) if active else []
        notices += [
            f"storm towards {storm.receiver}: {sum(count for _, count in storm.counts)} fired, first {storm.first}"
            for storm in pipeline.reactor.dispatch.storms.lasting()
        ]
        if self._loop.degraded:
            notices.append(f"not on disk: {self._loop.degraded}")
        return StatusView(
            version=__version__,
            name=self._name,
            started_at=self._started_at,
            wall=wall,
            evaluated_at=pipeline.engine.evaluated_at,
            at=now,
            rules=sum(rule.file != BUILT_IN for rule in pipeline.engine.rules.values()),
            series=len(self.series),
            samples=self._counted("samples"),
            samples_per_second=(self._accepted[-1] - self._accepted[0]) / max(1, len(self._accepted) - 1),
            drops=dict(self._all_drops()),
            refusing=pipeline.engine.refused(),
            failures=dict(pipeline.engine.failures),
            firing=len(is_open),
            pending=sum(table.pending for table in tables),
            silenced=self._silenced.of(is_open, silences, wall) if active else 0,
            silences=active,
            outbox=len(self.deliveries),
            dead_letters=sum(self._store.dead_letter_counts().values()),
            react=pipeline.reactor.reactions.react,
            correlator=pipeline.correlations.correlator.name,
            hold=hold_view(hold) if (hold := pipeline.reactor.acting.hold) else None,
            rule_errors=self.rule_errors(),
            notices=notices,
            watching=self._board.watching(),
            coach=self._board.coach,
        )

    def metrics(self) -> list[Metric]:
        """Everything for /metrics."""
        status = self.status()
        gauges = {
            "rtmd_rules": ("Rules in force.", status.rules),
            "rtmd_rule_errors": ("Problems in rule files on disk.", len(status.rule_errors)),
            "rtmd_rules_held_back": (
                "Firing rules that the files would remove, for want of a confirmation.",
                len(self._board.reload.held_back),
            ),
            "rtmd_series": ("Series known.", status.series),
            "rtmd_firings_open": ("Open firings.", status.firing),
            "rtmd_stages_pending": ("Pending stages.", status.pending),
            "rtmd_firings_silenced": ("Open firings that a silence covers.", status.silenced),
            "rtmd_silences_active": ("Active silences.", status.silences),
            "rtmd_outbox_waiting": ("Notifications not delivered yet.", status.outbox),
            "rtmd_dead_letters": ("Notifications given up.", status.dead_letters),
            "rtmd_evaluation_lag_seconds": ("Age of the last evaluation.", (status.at - status.evaluated_at) / 1000),
        }
        families = [Metric(name, "gauge", text, [((), float(value))]) for name, (text, value) in gauges.items()]
        drops = [((("reason", reason),), float(count)) for reason, count in sorted(self._all_drops().items())]
        families.append(Metric("rtmd_dropped_total", "counter", "Samples and posts refused, by reason.", drops))
        families += [self._source_errors(), self._loop.delays.metric()]
        freed = float(self._loop.pipeline.counts["freed", "series"])
        families.append(Metric("rtmd_series_freed_total", "counter", "Series forgotten to make room.", [((), freed)]))
        families += self.deliveries.metrics()
        families += [_by(label, counts, name, kind, text) for name, kind, label, text, counts in self._limits()]
        return families + [self._counter(*each) for each in _COUNTERS]

    def refusals(self) -> Refused:
        """What limits turned away since the start, and turn away now."""
        counts: Counter[str] = Counter()
        for reason, count in (self._drops + self.series.refused).items():
            if reason in _LIMITS:
                counts[_LIMITS[reason]] += count
        if refused := self._loop.pipeline.counts["alerts", "refused"]:
            counts["external_alerts"] = refused
        return Refused(counts, self._loop.pipeline.engine.refused())

    def _limits(self) -> Iterator[tuple[str, str, str, str, Mapping[str, int]]]:
        refused, failures = self.refusals(), self._loop.pipeline.engine.failures
        yield "rtmd_limit_refused_total", "counter", "limit", "What limits turned away, by limit.", refused.counts
        text = "Alerts that a rule has no room for now, by rule."
        yield "rtmd_rule_instances_refused", "gauge", "rule", text, refused.instances
        text = "Evaluations in which label sets were in conflict, by rule."
        yield "rtmd_rule_evaluation_failures_total", "counter", "rule", text, failures

    def _source_errors(self) -> Metric:
        rows = [
            ((("source", source.name), ("reason", reason)), float(count))
            for source in self._board.sources()
            for reason, count in sorted(source.errors.items())
        ]
        return Metric("rtmd_source_errors_total", "counter", "What went wrong at sources, by reason.", rows)

    def _counter(self, what: str, name: str, label: str, text: str) -> Metric:
        counts = {which: n for (kind, which), n in self._loop.pipeline.counts.items() if kind == what}
        return _by(label, counts, name, "counter", text)

    def _counted(self, what: str) -> int:
        return sum(count for (kind, _), count in self._loop.pipeline.counts.items() if kind == what)

    def _all_drops(self) -> Counter[str]:
        dropped = {which: n for (kind, which), n in self._loop.pipeline.counts.items() if kind == "dropped"}
        lost = Counter({"sample_log": self._samples.lost}) if self._samples.lost else Counter()
        return self._drops + self.series.refused + Counter(dropped) + lost


def _rule_file(name: str) -> RuleFileView | None:
    path = Path(name).absolute()
    try:
        found = path.stat()
    except OSError:
        return None
    return RuleFileView(str(path), found.st_dev, found.st_ino)


def _by(label: str, counts: Mapping[str, int], name: str, kind: str, text: str) -> Metric:
    return Metric(name, kind, text, [(((label, which),), float(count)) for which, count in sorted(counts.items())])


# Reasons for which series and posts are refused, by what would have to be larger for them.
_LIMITS = {
    "too_many_series": "series",
    "too_many_new_series": "new_series_per_post",
    "too_many_labels": "labels",
    "label_name_too_long": "labels",
    "label_value_too_long": "labels",
    "body_too_large": "body_bytes",
    "too_many_samples": "post_size",
    "too_many_fields": "post_size",
    "too_many_lines": "post_size",
    "line_too_long": "post_size",
}

_COUNTERS = (
    ("samples", "rtmd_samples_total", "source", "Samples accepted, by source."),
    ("firings", "rtmd_firings_total", "change", "Firings opened, reopened and resolved."),
    ("transitions", "rtmd_transitions_total", "to", "Stage transitions, by stage and new state."),
    ("outcomes", "rtmd_outcomes_total", "outcome", "Judged stage firings, by stage and outcome."),
    ("alerts", "rtmd_alerts_posted_total", "status", "Alerts that others posted: firing, resolved, refused."),
    ("deliveries", "rtmd_deliveries_total", "result", "Notifications that left the outbox, by result."),
)
