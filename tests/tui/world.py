"""Small worlds for the screen's tests: statuses, firings, a busy evening, and labels that mean harm."""

from __future__ import annotations

import math
from typing import Any

from rtmd.wire import (
    AckView,
    ClauseView,
    EvidenceView,
    ExemplarView,
    FiringView,
    RuleErrorView,
    Snapshot,
    StageView,
    StatusView,
)
from rtmd.wire.actions import ProposalView, RunView
from rtmd.wire.audit import AuditView
from rtmd.wire.curves import CurveView
from rtmd.wire.deliveries import ReceiverView
from rtmd.wire.explain import EntryView, ExplainView, StandingView
from rtmd.wire.marks import MarkView
from rtmd.wire.noise import MissView, NoiseView, RuleNoiseView, ShareView, TermView
from rtmd.wire.rules import ReloadView, RuleView
from rtmd.wire.silences import SilenceView
from rtmd.wire.watchers import WatcherView

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
WALL = 1_793_628_187_000  # 2026-11-02T14:03:07Z
AT = WALL - 5_000  # the engine's clock is not the wall's

HOSTILE = (
    "host[red]X[/red]",
    "oops [/] end",
    "[/foo] bar",
    "[type=x, v={'a[0]'}]",
    "[link=https://e]x[/link]",
    "[@click=app.quit]x[/]",
    "disk[0]",
    "[bold",
    "\x1b]0;PWNED\x07",
    "\x1b]52;c;UFdORUQ=\x07",
    "\x1b[2JPWNED",
    "\x9b31mPWNED",
    "line\nbreak\r\ttab",
    "user\u202eegnahc\u2066x\u2069",
    "zero\u200bwidth\ufeff",
    "日本語の長いラベル" * 12,
    "e\u0301" * 60,
    "\x00\x07\x08\x7f",
    "a" * 5000,
    "\U000e0041tag",
    "{title} {0} %s $name",
)


# Everybody with a screen: oneself among them, from two places.
WATCHING = [
    WatcherView("ana", WALL - 2 * HOUR, ["tcp 127.0.0.1", "unix uid 1000"], screens=2),
    WatcherView("bo", WALL - 12 * MINUTE, ["unix uid 1001"]),
    WatcherView("token:wall", WALL - 30 * HOUR, ["tcp 10.0.0.7"], screens=3),
]


def status(**changes: Any) -> StatusView:
    """A healthy daemon."""
    facts: dict[str, Any] = {
        "version": "0.1.0",
        "name": "prod-a",
        "started_at": WALL - HOUR,
        "wall": WALL,
        "evaluated_at": AT - 300,
        "at": AT,
        "rules": 212,
        "series": 1000,
        "samples": 10_000,
        "samples_per_second": 4200.0,
    }
    return StatusView(**(facts | changes))


def stage(name: str, state: str = "firing", threshold: str = "> 120", **changes: Any) -> StageView:
    """One stage."""
    fired = AT - MINUTE if state in ("firing", "recovering") else None
    return StageView(**({"name": name, "state": state, "threshold": threshold, "fired_at": fired} | changes))


def ladder(text: str, threshold: str = "> 120", value: float | None = None) -> list[StageView]:
    """`SM.`: burning stages as capitals, pending ones as small letters, quiet ones as a dot, absent ones blank."""
    names = ("seconds", "minutes", "hours")
    states = {".": "inactive", " ": ""}
    found = [
        (name, states.get(mark, "firing" if mark.isupper() else "pending"))
        for name, mark in zip(names, text, strict=False)
    ]
    return [stage(name, state, threshold, value=value) for name, state in found if state]


def firing(id: str = "f1", ladder_text: str = "SM.", **changes: Any) -> FiringView:  # noqa: A002
    """A firing, new and open unless told otherwise."""
    threshold, value = changes.get("threshold", "> 120"), changes.get("value", 312.0)
    burning = [name for name, mark in zip(("seconds", "minutes", "hours"), ladder_text, strict=False) if mark.isupper()]
    facts: dict[str, Any] = {
        "id": id,
        "version": 1,
        "rule": "mention-surge",
        "title": "acme: mentions surge",
        "labels": {"brand": "acme", "region": "eu"},
        "kind": "opportunity",
        "severity": "warning",
        "stage": burning[-1] if burning else "seconds",
        "state": "firing",
        "stages": ladder(ladder_text, threshold, value),
        "value": value,
        "threshold": threshold,
        "unit": "mentions/min",
        "active_at": AT - 5 * MINUTE,
        "fired_at": AT - 4 * MINUTE,
    }
    return FiringView(**(facts | changes))


def ack(by: str = "ana", left: int = 12 * MINUTE, **changes: Any) -> AckView:
    """An acknowledgement with this much time left."""
    return AckView(**({"by": by, "at": WALL - MINUTE, "until": WALL + left} | changes))


def busy() -> list[FiringView]:
    """An evening with everything in it."""
    return [
        firing("f01", "SM.", severity="critical", rule="negative-share", labels={"brand": "acme", "topic": "launch"},
               value=0.412, threshold="> 0.25", title="acme: share of negative posts", unit=""),
        firing("f02", "SMH", severity="critical", rule="disk-full", labels={"host": "db-07", "mount": "/var"},
               value=0.031, threshold="< 0.05", fired_at=AT - 2 * HOUR, ack=ack("ana")),
        firing("f03", "S..", severity="critical", rule="tls-handshake-fail", labels={"lb": "lb-2"},
               value=7.1, threshold="> 2", fired_at=AT - 12 * SECOND),
        firing("f04", "SM.", rule="mention-surge", labels={"brand": "globex"}, value=9312.0, threshold="> 5000",
               fired_at=AT - 11 * MINUTE, ack=ack("bo", 4 * MINUTE, raised=True)),
        firing("f05", "S. ", rule="engagement-drop", labels={"brand": "initech", "channel": "video"}, value=0.4,
               threshold="< 0.6", fired_at=AT - 31 * SECOND, state="recovering",
               stages=[stage("seconds", "recovering", "< 0.6", clears_at=AT + 12 * SECOND),
                       stage("minutes", "inactive")]),
        firing("f06", " M ", severity="warning", rule="site-latency", labels={"site": "checkout", "region": "eu-1"},
               value=812.0, threshold="> 600", fired_at=AT - 26 * MINUTE, flags=["unfed"]),
        firing("f07", "S..", severity="info", rule="hashtag-rising", labels={"tag": "#rtmd", "lang": "fr"}, value=62.0,
               threshold="> 60", fired_at=AT - 8 * SECOND),
        firing("f08", "Sm ", severity="info", rule="creator-mention", labels={"creator": "a-very-long-creator-name"},
               value=1.0, threshold="has a result", fired_at=AT - 3 * MINUTE),
        firing("f09", "S..", severity="info", rule="gc-pause", labels={"service": "api-3"}, value=0.4,
               threshold="> 0.3", silenced_by=["s1"], silenced_until=WALL + 14 * MINUTE, silencer="cy"),
        firing("f10", "S. ", severity="warning", rule="gc-pause", labels={"service": "api-4"}, value=0.4,
               threshold="> 0.3", silenced_by=["s1"], silenced_until=WALL + 14 * MINUTE, silencer="cy"),
        firing("f11", "...", rule="reach-spike", labels={"brand": "umbrella"}, state="resolved", value=90.0,
               threshold="> 120", resolved_at=AT - 9 * SECOND, fired_at=AT - 6 * MINUTE),
    ]  # fmt: skip


def snapshot(firings: list[FiringView] | None = None, seq: int = 1, **changes: Any) -> Snapshot:
    """The first message of a stream."""
    shown = busy() if firings is None else firings
    hidden = sum(1 for one in shown if one.silenced_by)
    facts: dict[str, Any] = {"silences": 1 if hidden else 0, "silenced": hidden, "firing": len(shown)}
    role = changes.pop("role", "operate")
    return Snapshot("e1", seq, status(**(facts | changes)), "ana", role, shown)


def story(of: FiringView, receiver: str = "") -> ExplainView:
    """What the daemon recorded about a firing, or what of it concerned a receiver."""
    evidence = EvidenceView(
        at=AT - 4 * MINUTE,
        clauses=[
            ClauseView("window", "sum by (brand) (rate(mentions_total[30s])) * 60 > 120", 312.4, holds=True),
            ClauseView("guard", "sum by (brand) (increase(mentions_total[30s])) > 20", 12.0, holds=False),
            ClauseView("for", "held 5 s of 5 s", None, holds=True),
        ],
        exemplars=[
            ExemplarView("small voice", "@bo", 120.0),
            ExemplarView("acme, what is this?", "@ana", 48_200.0, "https://social.example/1"),
        ],
    )
    stages = [
        stage("seconds", "firing", "> 120", value=312.0, peak=400.0, evidence=evidence, judge_at=AT + 9 * MINUTE,
              fired_at=AT - 4 * MINUTE),
        stage("minutes", "pending", "> 80", value=60.0, active_at=AT - 30 * SECOND),
        stage("hours", "inactive", "> 60"),
    ]  # fmt: skip
    import msgspec  # noqa: PLC0415

    full = msgspec.structs.replace(
        of,
        stages=stages,
        ack=ack("ana", note="on it"),
        runs=[RunView("r1", "hold-queue", "seconds", "done", AT - 50 * SECOND, "held")],
        links={"runbook": "https://wiki.example/surge"},
    )
    held = "not told to lead: silenced by cy until 14:20 UTC"
    told = [
        EntryView(WALL - 4 * MINUTE, "transition", "the firing opens, at seconds"),
        EntryView(WALL - 4 * MINUTE, "transition", "seconds fires: condition held (312)", more=["window: 312  > 120"]),
        EntryView(
            WALL - 4 * MINUTE, "told", "desk is told: firing (first firing): condition held", "desk", ["delivered"]
        ),
        EntryView(WALL - 4 * MINUTE + SECOND, "delivery", "desk has it, at attempt 2", "desk"),
        EntryView(WALL - MINUTE, "suppressed", held, "lead", ["silence s1: over-reactive"]),
        EntryView(WALL, "ack", "ana has it", more=["on it"]),
    ]
    now = [
        StandingView("desk", "route", "seconds", "firing", WALL - 4 * MINUTE, looks_at=WALL + 9 * SECOND),
        StandingView("lead", "route", "minutes", "withheld", WALL - MINUTE, "silenced by cy until 14:20 UTC"),
        StandingView("mail", note="nothing leads from this firing to mail"),
    ]
    return ExplainView(
        WALL, full, [each for each in told if receiver in ("", each.receiver) or not each.receiver],
        [each for each in now if receiver == each.receiver or (not receiver and not each.note)],
    )  # fmt: skip


def receivers() -> list[ReceiverView]:
    """All who may be told."""
    return [ReceiverView(name, "webhook", "closed", 0, 0) for name in ("mail", "desk", "lead")]


def curve(of: FiringView, stage: str = "") -> CurveView:
    """Half an hour of a signal that rose over its threshold, with a gap; for `hours` a minute to each value."""
    level = float(of.threshold.split()[-1]) if of.threshold[-1:].isdigit() else 1.0
    shape = [0.4 + 0.1 * math.sin(place / 3) + 0.9 / (1 + math.exp((60 - place) / 4)) for place in range(91)]
    values: list[float | None] = [level * each for each in shape]
    values[20:26] = [None] * 6
    step, window = (MINUTE, "6h") if stage == "hours" else (20_000, "5m")
    return CurveView(of.id, stage or of.stage, f"sum by (brand) (rate(mentions_total[{window}]))", AT - 90 * step, step,
                     values, [level], [level * 0.8])  # fmt: skip


MARK = MarkView("m1", WALL - 10 * MINUTE, "deploy", "v2.3 is live", {"brand": "acme"}, "bo")
RULE_ERROR = RuleErrorView("rules/mentions.toml", 14, 1, "minutes.above must be > clear")


def rules() -> list[RuleView]:
    """One rule of each state."""

    def rule(name: str, line: int, stages: str = "SM", **facts: Any) -> RuleView:
        known = {"S": "seconds", "M": "minutes", "H": "hours"}
        file = facts.pop("file", "rules/social.toml")
        return RuleView(name, file, line, "risk", [known[each] for each in stages], instances=12, **facts)

    return [
        rule("gc-pause", 31, firing=2, file="rules/hosts.toml"),
        rule("mention-surge", 4, "SMH", firing=1, pending=3),
        rule("queue-depth-high", 18, unfed_since=AT - 7 * MINUTE),
        rule("site-latency", 40, "M", firing=1, unfed=1),
        rule("tls-handshake-fail", 52, problems=['many-to-many matching: two series have {lb="lb-2"}']),
        rule("reach-spike", 60, rejudging=1, firing=1),
        rule("creator-mention", 71, refused=17),
        rule("hashtag-rising", 80, shadow=True),
        rule("engagement-drop", 90, enabled=False),
        RuleView("brand-new", "rules/social.toml", 97, "opportunity", ["minutes"]),
    ]


def noise(days: int = 7) -> NoiseView:
    """Two rules with a score, one with too few firings, others that never fired."""
    terms = [
        TermView("marked noise", ShareView(3, 1204), 0.0025),
        TermView("false starts", ShareView(976, 1204), 0.3),
        TermView("unattended", ShareView(1156, 1204), 0.24),
        TermView("silenced", ShareView(855, 1204), 0.12),
        TermView("flapped", ShareView(734, 1204), 0.06),
    ]
    noisy = RuleNoiseView(
        "gc-pause", 1204, 1204 / days, 9_000, ShareView(1156, 1204),
        {"seconds": ShareView(976, 1204)}, ShareView(734, 1204), ShareView(855, 1204), ShareView(0, 1204),
        noise=3, real=1, missed=[MissView(AT - HOUR, "ana", "db-07 stood still and nobody heard of it")], misses=1,
        rank=1, score=0.7225, terms=terms,
    )  # fmt: skip
    calm = RuleNoiseView(
        "mention-surge", 31, 31 / days, 130_000, ShareView(13, 31),
        {"seconds": ShareView(14, 30), "minutes": ShareView(1, 6)}, ShareView(1, 31), ShareView(2, 31),
        ShareView(6, 31), real=2, rank=2, score=0.31, terms=[TermView("unattended", ShareView(13, 31), 0.31)],
    )  # fmt: skip
    few = RuleNoiseView("site-latency", 3, 3 / days, HOUR, ShareView(0, 3), handled=ShareView(3, 3))
    none = [RuleNoiseView(name, 0, 0.0) for name in ("queue-depth-high", "reach-spike", "tls-handshake-fail")]
    return NoiseView(days, AT - days * 24 * HOUR, AT, [noisy, calm, few, *none])


RELOADED = ReloadView(
    wall=WALL - 12 * SECOND,
    kept=41,
    added=["brand-new"],
    changed={"gc-pause": "threshold, for"},
    rejudging={"reach-spike": "minutes.window"},
    removed=["old-one"],
    removed_firing=["older-one"],
    summary="added brand-new",
)


def proposal(id: str = "p1", of: str = "f1", **changes: Any) -> ProposalView:  # noqa: A002
    """An action that waits, a quarter of an hour after the onset of its firing at the latest."""
    facts: dict[str, Any] = {
        "id": id, "version": 3, "action": "reply-post", "firing": of, "rule": "mention-surge",
        "title": "acme: mentions surge", "labels": {"brand": "acme", "region": "eu"}, "stage": "minutes",
        "state": "pending", "onset": WALL - 4 * MINUTE, "made_at": WALL - 3 * MINUTE,
        "expires_at": WALL + 11 * MINUTE, "would_run": "POST tools.example/prepare",
    }  # fmt: skip
    return ProposalView(**(facts | changes))


def deciding() -> list[FiringView]:
    """Proposals and runs in every state."""
    gone = {"decided_at": WALL - 2 * MINUTE, "version": 4}
    return [
        firing("f1", proposals=[
            proposal("p1"),
            proposal("p2", action="pause-ads", expires_at=WALL + 42 * SECOND,
                     would_run="/usr/local/bin/ads pause acme --until tomorrow"),
        ], runs=[RunView("r1", "hold-queue", "seconds", "done", AT - 50 * SECOND, "held 12 posts")]),
        firing("f2", rule="backlash", title="globex: backlash", labels={"brand": "globex"}, proposals=[
            proposal("p3", "f2", title="globex: backlash", state="braked", reason="site-down",
                     expires_at=WALL + 7 * MINUTE),
            proposal("p4", "f2", state="declined", by="bo", reason="Kim answers by hand", **gone),
            proposal("p5", "f2", state="approved", by="ana", run="r5", **gone),
        ], runs=[RunView("r5", "reply-post", "minutes", "failed", AT - MINUTE, "answered 502", "ana")]),
        firing("f3", "...", rule="disk-full", title="db-07 is full", labels={"host": "db-07"}, state="resolved",
               resolved_at=AT - MINUTE, proposals=[
            proposal("p6", "f3", state="expired", reason="nobody decided in time", **gone),
        ], runs=[
            RunView("r6", "drain", "seconds", "unknown", AT - 3 * MINUTE),
            RunView("r7", "snapshot", "seconds", "undo failed", AT - 5 * MINUTE, "exit code 1"),
            RunView("r8", "page-dba", "seconds", "started", AT - 3 * SECOND),
        ]),
    ]  # fmt: skip


def silence(id: str = "s1", **changes: Any) -> SilenceView:  # noqa: A002
    """An active silence of the two gc-pauses."""
    facts: dict[str, Any] = {
        "id": id, "state": "active", "matchers": ['rule="gc-pause"', 'stage=~"seconds|minutes"'],
        "starts_at": WALL - 46 * MINUTE, "ends_at": WALL + 14 * MINUTE, "created_by": "cy",
        "comment": "over-reactive", "updated_at": WALL - 46 * MINUTE, "matches_now": 2, "suppressed": 1104,
        "version": 2,
    }  # fmt: skip
    return SilenceView(**(facts | changes))


def silences() -> list[SilenceView]:
    """One of each kind."""
    idle = {"matches_now": 0, "suppressed": 0}
    return [
        silence("s4", state="expired", matchers=['host="db-07"'], ends_at=WALL - 4 * MINUTE, comment="reboot",
                matches_now=0, suppressed=12, created_by="ana"),
        silence(),
        silence("s2", matchers=['rule="site-latency"', 'site="checkout"'], ends_at=WALL + 2 * MINUTE, lift="resolved",
                ending=True, matches_now=1, suppressed=7, created_by="bo", comment="investigating", updated_by="ana"),
        silence("s3", matchers=['dc="eu-2"'], ends_at=WALL + 150 * HOUR, comment="migration", **idle,
                forgotten=["has matched nothing for 3d", "has lasted 8d"]),
        silence("s5", state="pending", matchers=['service=~"pay.*"'], starts_at=WALL + 2 * HOUR,
                ends_at=WALL + 3 * HOUR, comment="maintenance", **idle),
    ]  # fmt: skip


def audit() -> list[AuditView]:
    """What people changed lately, the oldest first."""
    rule = 'rule="gc-pause", stage=~"seconds|minutes"'
    told = (
        (25 * HOUR, "ci", "mark", "01JMARK", "deploy v2.3", "token ci"),
        (2 * HOUR, "bo", "silence", "s17", f"{rule} for 4h: over-reactive", "unix uid 1001"),
        (40 * MINUTE, "ana", "approve", "p1", "pause-ads version 2", "unix uid 1000"),
        (12 * MINUTE, "ana", "ack", "f02", "on it", "unix uid 1000"),
        (3 * MINUTE, "cy", "denied", "POST /api/rtmd/v1/hold", "this needs the role operate", "tcp 10.0.0.7"),
        (9 * SECOND, "bo", "expire", "s17", "", "unix uid 1001"),
    )
    return [AuditView(41 + number, WALL - ago, *facts) for number, (ago, *facts) in enumerate(told)]
