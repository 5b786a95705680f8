"""Messages to be told, and receivers' words for them: what the tests of receivers share."""

from __future__ import annotations

from collections import Counter

from rtmd.config import Lang, Wording
from rtmd.model.firing import Ack, Clause, Evidence, Exemplar, Firing, Outcome, StageRecord, StageState
from rtmd.model.mark import Mark, MarkKind
from rtmd.model.reaction import ActionRun, Alert, Digest, Notification, NotifyReason, RunState, StormPhase, Told
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName
from rtmd.receivers.said import Voice

AT = 1_800_000_000_000  # 2027-01-15 08:00:00 UTC

EVIDENCE = Evidence(
    AT,
    (Clause("window", "sum > 120", 182.0, holds=True),),
    (
        Exemplar("The new bottle leaks & <smells>", "@ann", 48_210.0, "https://social.example/p/1"),
        Exemplar("*not* again_", "bob", 0.0, "javascript:alert(1)"),
    ),
)
MENTIONS = Firing(
    id="01JH8Q2M4V",
    version=2,
    rule="mentions",
    labels=(("brand", "acme"),),
    kind=Kind.RISK,
    title="Mentions of acme",
    severity=Severity.WARNING,
    stage=StageName.MINUTES,
    stages=(
        StageRecord(StageName.SECONDS, outcome=Outcome.CONFIRMED, value=9.0, fired_at=AT - 720_000),
        StageRecord(StageName.MINUTES, StageState.FIRING, value=182.5, peak=1901.25, evidence=EVIDENCE),
    ),
    active_at=AT - 730_000,
    fired_at=AT - 720_000,
    unit="posts",
    threshold="> 120",
    extra_labels=(("team", "desk"),),
    links=(("runbook", "https://wiki.example/mentions"), ("bad", "file:///etc/passwd")),
)
MARKS = (
    Mark("m1", MENTIONS.fired_at - 240_000, MarkKind.DEPLOY, "shop v2.3 is <live>", (("brand", "acme"),), "ci"),
    Mark("m2", MENTIONS.fired_at + 90_000, MarkKind.POST, "The answer is out"),
)
RUN = ActionRun("r1", "hold-queue", MENTIONS.id, "mentions", MENTIONS.labels, StageName.SECONDS, RunState.DONE, AT)


def told(firing: Firing, what: Told, *, seq: int = 1, runs: tuple[ActionRun, ...] = ()) -> Notification:
    """One message to the receiver `desk`."""
    reason = NotifyReason.ALL_RESOLVED if what is Told.RESOLVED else NotifyReason.FIRST
    return Notification(f"{firing.id}/desk/{seq}", "desk", AT, reason, (Alert(firing, what, seq, "why", runs),))


def new() -> Notification:
    """The first word: seconds fire."""
    record = StageRecord(StageName.SECONDS, StageState.FIRING, value=9.0, evidence=EVIDENCE)
    firing = replace(
        MENTIONS,
        severity=Severity.INFO,
        stage=StageName.SECONDS,
        stages=(record,),
        fired_at=AT - 3_000,
        threshold="outside [0.5, 8.25]",
    )
    return told(firing, Told.FIRING)


def raised() -> Notification:
    """Minutes fire, something ran, and something had happened."""
    firing = replace(MENTIONS, ack=Ack("ana", AT, AT + 900_000), marks=MARKS)
    return told(firing, Told.RAISED, seq=2, runs=(RUN,))


def still() -> Notification:
    """Hours fire; it was silenced."""
    hours = StageRecord(StageName.HOURS, StageState.FIRING, value=0.052, evidence=EVIDENCE)
    firing = replace(
        MENTIONS,
        severity=Severity.CRITICAL,
        stage=StageName.HOURS,
        stages=(*MENTIONS.stages, hours),
        fired_at=AT - 30 * 3_600_000,
    )
    return told(firing, Told.STILL_FIRING, seq=3)


def resolved() -> Notification:
    """It is over."""
    runs = (replace(RUN, state=RunState.UNDONE),)
    return told(replace(MENTIONS, resolved_at=AT, ack=Ack("ana", AT, AT)), Told.RESOLVED, seq=4, runs=runs)


def together() -> Notification:
    """Two firings in one message, and one beside them."""
    other = replace(MENTIONS, id="01JH8Q2M4W", title="Mentions of zeta", labels=(("brand", "zeta"),), resolved_at=AT)
    first = raised()
    alerts = (*first.alerts, Alert(other, Told.RESOLVED, 2, "cleared"))
    standing = (replace(MENTIONS, id="01JH8Q2M4X"),)
    return replace(first, key="g/desk/1", alerts=alerts, group=(("rule", "mentions"),), standing=standing)


def instead() -> Notification:
    """Meant for somebody else."""
    return replace(raised(), instead_of="pager", because="pager.example: answered 503")


def trial() -> Notification:
    """Nothing fires."""
    return replace(new(), test=True)


def flapping() -> Notification:
    """It comes and goes."""
    return told(replace(MENTIONS, flapping=(StageName.MINUTES,)), Told.FLAPPING, seq=5)


def storm() -> Notification:
    """So many that only one is told in full."""
    top = (("mentions", 200), ("negative <share>", 112), ("reach", 60))
    digest = Digest(StormPhase.LASTS, AT - 120_000, 412, 120, 30, 382, "mentions", top, Severity.CRITICAL)
    return replace(raised(), key="storm/desk/1/2", reason=NotifyReason.STORM, digest=digest)


def storm_over() -> Notification:
    """It is over, and nothing fires any more."""
    digest = Digest(StormPhase.OVER, AT - 240_000, 412, 0, 412, 0, "mentions", (("mentions", 412),), Severity.WARNING)
    return replace(resolved(), key="storm/desk/1/4", reason=NotifyReason.STORM, digest=digest)


KINDS = {
    "firing": new,
    "raised": raised,
    "still": still,
    "resolved": resolved,
    "together": together,
    "instead": instead,
    "trial": trial,
    "flapping": flapping,
    "storm": storm,
    "storm over": storm_over,
}
PARIS = Wording(lang=Lang.FR, zone="Europe/Paris")


def voice(wording: Wording | None = None, failures: Counter[str] | None = None) -> Voice:
    """How the receiver `desk` speaks."""
    return Voice("desk", wording or Wording(), Counter() if failures is None else failures)
