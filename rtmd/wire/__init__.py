"""The operator API as typed messages, which the daemon serves and CLI and TUI read: here firings, status and stream.

msgspec structs, encoded as JSON. Times are ms (engine time unless named `wall`), labels plain objects with raw
strings: cleaning them for display is the reader's last step (`display.safe`). Imports model only, so that the
screen starts fast. What comes by the thousand is `gc=False`: it is in no cycle, and there is much of it to walk.

The stream (`GET /api/rtmd/v1/stream`, server-sent events) sends one `Snapshot`, then `Changes` at most ten times
a second and a `Beat` each second; `seq` rises by one a message, and a reader that misses one gets a new snapshot.
"""

from __future__ import annotations

import msgspec

from rtmd.wire.actions import HoldView, ProposalView, RunView
from rtmd.wire.marks import MarkView
from rtmd.wire.origin import OriginView
from rtmd.wire.watchers import WatcherView

STREAM_SNAPSHOT = "snapshot"
STREAM_CHANGES = "changes"
STREAM_BEAT = "beat"

# A request may ask for less than its sender is allowed (`Rtmd-Role: view`); the daemon then refuses the rest.
ROLE_HEADER = "Rtmd-Role"


class ExemplarView(msgspec.Struct, frozen=True, gc=False):
    """A post, trace or log line behind a firing."""

    text: str = ""
    author: str = ""
    reach: float = 0.0
    url: str = ""


class ClauseView(msgspec.Struct, frozen=True, gc=False):
    """One clause of a recorded evaluation."""

    name: str
    text: str
    value: float | None
    holds: bool


class EvidenceView(msgspec.Struct, frozen=True, gc=False):
    """Why a stage fired, as recorded."""

    at: int
    clauses: list[ClauseView] = []
    exemplars: list[ExemplarView] = []


class StageView(msgspec.Struct, frozen=True, gc=False):
    """One stage of a firing's ladder."""

    name: str
    state: str  # inactive | pending | firing | recovering
    threshold: str  # as people read it: "> 120"
    value: float | None = None
    peak: float | None = None
    active_at: int | None = None
    fired_at: int | None = None
    ended_at: int | None = None
    judge_at: int | None = None
    clears_at: int | None = None  # recovering: when `keep` ends
    rejudging_since: int | None = None  # the rule changed then; what it makes of this is not known yet
    outcome: str = ""
    evidence: EvidenceView | None = None  # only in FiringDetail


class AckView(msgspec.Struct, frozen=True, gc=False):
    """Who has it; `until` is wall time."""

    by: str
    at: int
    until: int
    note: str = ""
    raised: bool = False


class RelatedView(msgspec.Struct, frozen=True, gc=False):
    """Another firing, in brief: one that takes part in this one of a correlation, or one of a correlation.

    `stage` is the present one of a firing that takes part now, else the one at which it joined; `state` is "past" for
    those that take part no more.
    """

    id: str
    rule: str
    labels: dict[str, str]
    stage: str
    state: str = ""  # firing | past | resolved; empty: as it joined, nobody looked since


class FiringView(msgspec.Struct, frozen=True, gc=False):
    """One row of the Live screen."""

    id: str
    version: int
    rule: str
    title: str
    labels: dict[str, str]
    kind: str
    severity: str
    stage: str
    state: str  # firing | recovering | resolved
    stages: list[StageView]
    value: float | None
    threshold: str
    unit: str
    active_at: int
    fired_at: int
    resolved_at: int | None = None
    reason: str = ""
    episodes: int = 1
    owner: str = ""
    flags: list[str] = []  # unfed | warming | rejudging | orphaned | shadow | would-have-run | flapping
    ack: AckView | None = None
    silenced_by: list[str] = []  # ids of active silences
    silenced_until: int | None = None  # wall time
    silencer: str = ""
    inhibited_by: str = ""  # the id of the firing that explains this one
    inhibitor: str = ""  # and its rule
    runs: list[RunView] = []
    proposals: list[ProposalView] = []
    links: dict[str, str] = {}
    follows: str = ""
    verdict: str = ""  # what somebody says that it was: noise | real
    origin: OriginView | None = None  # of an alert that others raised
    members: list[RelatedView] = []  # of a correlation: the first hundred that took part
    part_of: list[RelatedView] = []  # the open firings of correlations in which it takes part
    marks: list[MarkView] = []  # what was reported near its transitions, oldest first
    group: dict[str, str] = {}  # the labels that a silence made from it covers, beside its rule


class JournalView(msgspec.Struct, frozen=True):
    """One line of the journal."""

    at: int
    kind: str
    text: str


class FiringDetail(msgspec.Struct, frozen=True):
    """`GET /api/rtmd/v1/firings/{id}`: everything recorded about one firing (stages carry their evidence)."""

    firing: FiringView
    journal: list[JournalView] = []


class RuleErrorView(msgspec.Struct, frozen=True):
    """A rule file that could not be used; its last good version keeps running."""

    file: str
    line: int
    column: int
    problem: str


class StatusView(msgspec.Struct, frozen=True):
    """Is it alive, and what is it doing: the header of the screen and `rtmd status`."""

    version: str
    name: str
    started_at: int  # wall time
    wall: int
    evaluated_at: int  # engine time of the last grid point that was worked through
    at: int  # engine time
    rules: int
    series: int
    samples: int  # accepted since start
    samples_per_second: float
    drops: dict[str, int] = {}
    refusing: dict[str, int] = {}  # instances that rules have no room for now, by rule
    failures: dict[str, int] = {}  # evaluations with problems since the start, by rule
    firing: int = 0
    pending: int = 0
    silenced: int = 0
    silences: int = 0  # active
    outbox: int = 0
    dead_letters: int = 0
    react: bool = True
    correlator: str = ""  # what joins firings: plain | rete (…)
    hold: HoldView | None = None
    rule_errors: list[RuleErrorView] = []
    notices: list[str] = []  # gaps, degraded parts: newest last
    watching: list[WatcherView] = []  # who follows the stream, by name
    coach: str = ""  # demo only: what to try next


class Snapshot(msgspec.Struct, frozen=True):
    """The whole picture: open firings and those resolved lately."""

    epoch: str
    seq: int
    status: StatusView
    you: str
    role: str
    firings: list[FiringView]
    marks: list[MarkView] = []  # of the last hours, oldest first


class Changes(msgspec.Struct, frozen=True):
    """Firings that are new or different, whole; ids that are gone; new marks."""

    seq: int
    firings: list[FiringView] = []
    gone: list[str] = []
    marks: list[MarkView] = []


class Beat(msgspec.Struct, frozen=True):
    """Proof of life, each second."""

    seq: int
    status: StatusView


class AckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/ack`: `version` is the one that was seen (0: any); `length` ms (0: the stage's default)."""

    firing: str
    version: int = 0
    length: int = 0
    note: str = ""


class Done(msgspec.Struct, frozen=True):
    """2xx of a mutation: it is on disk."""

    id: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of every 4xx and 5xx; of a 428 `confirm` has what has to be meant."""

    error: str
    confirm: list[str] = []
