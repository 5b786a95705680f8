"""What the protocol remembers: stage clocks, firings, evidence, outcomes.

A *firing* is an episode of an instance, from its first firing stage to its resolution. An `InstanceState` is all
that must survive a restart for one instance; a `Firing` is what people see and what is told. `version` rises on
transitions, severity changes and operator mutations only.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import TypeAlias

from msgspec import Struct

from rtmd.model.external import Origin
from rtmd.model.labels import Labels
from rtmd.model.mark import Mark
from rtmd.model.rule import Kind, Severity, StageName

InstanceKey: TypeAlias = tuple[str, Labels]  # its rule, its labels


class StageState(StrEnum):
    """The four states of a stage (semantics S1)."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"

    @property
    def burning(self) -> bool:
        """Firing or recovering: the stage keeps its firing open."""
        return self in (StageState.FIRING, StageState.RECOVERING)


class Outcome(StrEnum):
    """What a stage's firing turned out to be (semantics S2)."""

    CONFIRMED = "confirmed"
    FALSE_START = "false start"
    HANDLED = "handled"
    SUSTAINED = "sustained"
    WITHIN = "within"
    UNDECIDED = "undecided"
    LOST = "lost"


class Exemplar(Struct, frozen=True):
    """A piece of evidence behind a sample: a post, a trace, a log line. All strings are hostile."""

    text: str = ""
    author: str = ""
    reach: float = 0.0
    url: str = ""


class Clause(Struct, frozen=True):
    """One part of a condition as it was judged: its text, its value (None: no result), and whether it held."""

    name: str  # window | recent | guard | for | coverage
    text: str
    value: float | None
    holds: bool


class Evidence(Struct, frozen=True):
    """Why a stage fired: the recorded evaluation, never recomputed. Exemplars by falling reach."""

    at: int
    clauses: tuple[Clause, ...]
    exemplars: tuple[Exemplar, ...] = ()


class StageRecord(Struct, frozen=True):
    """The clock of one stage of one instance, and the last run of it.

    `history` holds the last 64 conditions as bits, newest lowest, for M-of-N. `fired_at`, `ended_at`, `judge_at`,
    `outcome`, `peak` and `evidence` belong to the latest firing of the stage within the current firing.
    """

    name: StageName
    state: StageState = StageState.INACTIVE
    active_at: int | None = None
    keep_since: int | None = None
    unfed_since: int | None = None
    history: int = 0
    fired_at: int | None = None
    ended_at: int | None = None
    judge_at: int | None = None
    outcome: Outcome | None = None
    value: float | None = None
    peak: float | None = None
    evidence: Evidence | None = None
    disturbed: bool = False  # a gap or a changed rule fell between firing and judgement
    still_since: int | None = None  # nothing can be said of it since then: `for` and `keep` stand still
    rejudging_since: int | None = None  # the rule changed then, and what it makes of the instance is not known yet
    left_since: int | None = None  # unfed, while the sources that fed it deliver without it: seen first then
    of_feed: bool = False  # of `no_data = "fire"`: inactive while the feed lives, firing while it is dead

    @property
    def keeps_open(self) -> bool:
        """It keeps its firing open: it burns, or is pending again only because `for` became longer."""
        return self.state.burning or (self.state is StageState.PENDING and self.rejudging_since is not None)


class Flaps(Struct, frozen=True):
    """Whether a stage of an instance comes and goes (`engine.flapping`): its last 21 states, and its last starts.

    `ring` has the states of the latest slots as bits (1: burning), newest lowest, up to the slot at `at`; `burning` is
    the state since then.
    """

    ring: int
    at: int
    starts: tuple[int, ...] = ()
    burning: bool = False
    flapping: bool = False


class Ack(Struct, frozen=True):
    """Who has it, until when (wall time)."""

    by: str
    at: int
    until: int
    note: str = ""
    raised: bool = False  # the firing rose since
    over: bool = False  # it ended, and that was told


class PersonVerdict(Struct, frozen=True):
    """What somebody says a firing was, something real or noise (semantics S14), when (wall time)."""

    by: str
    at: int
    real: bool


class Member(Struct, frozen=True):
    """A firing that takes part in one of a correlation, as it was when it joined."""

    id: str
    rule: str
    labels: Labels
    stage: StageName


class Firing(Struct, frozen=True):
    """One episode of one instance, complete: what the API shows, receivers tell, and the store keeps."""

    id: str
    version: int
    rule: str
    labels: Labels  # of the instance: its identity
    kind: Kind
    title: str
    severity: Severity
    stage: StageName  # the highest burning stage; the last one it had when resolved
    stages: tuple[StageRecord, ...]
    active_at: int
    fired_at: int
    resolved_at: int | None = None
    reason: str = ""  # of the latest transition
    episodes: int = 1
    extra_labels: Labels = ()  # the rule's `labels`
    owner: str = ""
    links: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    threshold: str = ""  # of the stage, as people read it: "> 120"
    ack: Ack | None = None
    shadow: bool = False
    marks: tuple[Mark, ...] = ()  # what was reported before its transitions, oldest first
    follows: str = ""  # id of the firing this one continues, when a stage was confirmed after that had ended
    verdict: PersonVerdict | None = None
    origin: Origin | None = None  # of an alert that others raised: what they said of it when this was saved
    flapping: tuple[StageName, ...] = ()  # the stages that come and go at present
    members: tuple[Member, ...] = ()  # of a correlation: who took part so far, in order, the first hundred

    @property
    def correlated(self) -> bool:
        """It is one of a correlation: made of other firings, not of an instance."""
        return bool(self.members)

    @property
    def open(self) -> bool:
        """Not resolved."""
        return self.resolved_at is None

    @property
    def begun(self) -> int:
        """Since when it is so, as people are told: of a dead feed since it died, of others' alerts since they say."""
        return self.active_at if self.kind is Kind.NO_DATA or self.origin is not None else self.fired_at

    @property
    def called(self) -> dict[str, str]:
        """The labels of the alert, by which it is known wherever alerts have labels; the same while it lives.

        Stage and severity change, and are none (semantics S1). What a rule says goes before what its signal says; an
        alert that others raised has what they posted, and nothing else.
        """
        if self.origin is not None:
            return dict(self.labels)
        return {**dict(self.labels), **dict(self.extra_labels), "alertname": self.rule, "kind": str(self.kind)}

    @property
    def flaps(self) -> bool:
        """Its stage comes and goes, or a higher one does; what a lower one does is no matter."""
        return any(name.rank >= self.stage.rank for name in self.flapping)

    def record(self, stage: StageName) -> StageRecord | None:
        """The clock of one stage."""
        return next((record for record in self.stages if record.name is stage), None)


class InstanceState(Struct, frozen=True):
    """Everything about one instance that a restart must bring back."""

    rule: str
    labels: Labels
    stages: tuple[StageRecord, ...]
    firing_id: str = ""  # of the open, or the last (within reopen), firing
    flaps: tuple[tuple[StageName, Flaps], ...] = ()


def firing_id(key: InstanceKey, at: int) -> str:
    """The id of a firing that opens at `at`: ten letters and digits, the same in every replay."""
    return short_id(f"{key!r}@{at}")


def short_id(text: str) -> str:
    """Ten letters and digits that people can read out, for what the text identifies."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    alphabet = "23456789abcdefghjkmnpqrstuvwxyz"
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(10):
        number, place = divmod(number, len(alphabet))
        letters.append(alphabet[place])
    return "".join(letters)
