"""Durable effects as SQL statements, and rows as values again.

Statements are made where the commit is asked for, not on the writer thread: a value that cannot be stored fails
its own commit and never the group it would have travelled in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, assert_never

import msgspec

from rtmd.errors import StoreError
from rtmd.model.action import Hold, Proposal
from rtmd.model.effects import (
    Audited,
    Durable,
    EscalationDropped,
    EscalationSaved,
    FiringSaved,
    GroupDropped,
    GroupSaved,
    HoldSaved,
    InstanceDropped,
    InstanceSaved,
    Journaled,
    LedgerSaved,
    MarkDropped,
    MarkSaved,
    MembershipSaved,
    Notify,
    ProposalSaved,
    RunSaved,
    SilenceDropped,
    SilenceSaved,
    StormSaved,
)
from rtmd.model.firing import Firing, InstanceState
from rtmd.model.group import GroupKey, GroupTimes, Membership
from rtmd.model.labels import Labels
from rtmd.model.mark import Mark
from rtmd.model.reaction import ActionRun, LedgerEntry, Notification, Storm, Told
from rtmd.model.rule import StageName
from rtmd.model.silence import Silence

Column: TypeAlias = str | int | bytes | None
Statement: TypeAlias = tuple[str, tuple[Column, ...]]

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class _Decoder(Protocol[_T_co]):
    def decode(self, buf: Any, /) -> _T_co: ...


_pack = msgspec.msgpack.encode
_instances = msgspec.msgpack.Decoder(InstanceState)
_firings = msgspec.msgpack.Decoder(Firing)
_silences = msgspec.msgpack.Decoder(Silence)
_marks = msgspec.msgpack.Decoder(Mark)
_groups = msgspec.msgpack.Decoder(GroupTimes)
_memberships = msgspec.msgpack.Decoder(Membership)
_storms = msgspec.msgpack.Decoder(Storm)
_runs = msgspec.msgpack.Decoder(ActionRun)
_proposals = msgspec.msgpack.Decoder(Proposal)
_holds = msgspec.msgpack.Decoder(Hold)
_notifications = msgspec.msgpack.Decoder(Notification)
_details = msgspec.json.Decoder(dict[str, str])

_SAVE_INSTANCE = "INSERT OR REPLACE INTO instances (rule, labels, doc) VALUES (?, ?, ?)"
_DROP_INSTANCE = "DELETE FROM instances WHERE rule = ? AND labels = ?"
_SAVE_FIRING = "INSERT OR REPLACE INTO firings (id, rule, opened, resolved, doc) VALUES (?, ?, ?, ?, ?)"
_SAVE_SILENCE = "INSERT OR REPLACE INTO silences (id, starts, ends, doc) VALUES (?, ?, ?, ?)"
_DROP_SILENCE = "DELETE FROM silences WHERE id = ?"
_SAVE_MARK = "INSERT OR REPLACE INTO marks (id, time, doc) VALUES (?, ?, ?)"
_DROP_MARK = "DELETE FROM marks WHERE id = ?"
_SAVE_LEDGER = (
    "INSERT OR REPLACE INTO ledger (firing, receiver, told, seq, at, stage, why) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_SAVE_GROUP = "INSERT OR REPLACE INTO groups (id, due, doc) VALUES (?, ?, ?)"
_SAVE_MEMBERSHIP = "INSERT OR REPLACE INTO memberships (firing, doc) VALUES (?, ?)"
_SAVE_STORM = "INSERT OR REPLACE INTO storms (receiver, doc) VALUES (?, ?)"
_DROP_MEMBERSHIP = "DELETE FROM memberships WHERE firing = ?"
_DROP_GROUP = "DELETE FROM groups WHERE id = ?"
_SAVE_RUN = "INSERT OR REPLACE INTO runs (id, firing, action, state, at, doc) VALUES (?, ?, ?, ?, ?, ?)"
_SAVE_PROPOSAL = (
    "INSERT OR REPLACE INTO proposals (id, firing, action, state, made, expires, doc) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_SAVE_ESCALATION = "INSERT OR REPLACE INTO escalations (firing, name, since, step) VALUES (?, ?, ?, ?)"
_DROP_ESCALATION = "DELETE FROM escalations WHERE firing = ?"
_SAVE_HOLD = "INSERT OR REPLACE INTO meta (name, value) VALUES ('hold', ?)"
_DROP_HOLD = "DELETE FROM meta WHERE name = 'hold'"
_ADD_JOURNAL = "INSERT INTO journal (at, kind, rule, firing, text, detail) VALUES (?, ?, ?, ?, ?, ?)"
_ADD_AUDIT = (
    "INSERT INTO audit (at, by, verb, object, detail, origin, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
    "audit_hash((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), ?1, ?2, ?3, ?4, ?5, ?6))"
)
# The key is stable: the same message queued twice is one message, with the attempts it already had.
_ADD_OUTBOX = "INSERT OR IGNORE INTO outbox (key, receiver, firings, created, doc) VALUES (?, ?, ?, ?, ?)"


class AuditRow(msgspec.Struct, frozen=True):
    """One line of the audit trail; `seq` counts from 1 without gaps."""

    seq: int
    at: int
    by: str
    verb: str
    object: str
    detail: str
    origin: str
    hash: str


def statements(effects: Sequence[Durable]) -> list[Statement]:
    """What writes these effects, in their order; StoreError when one of them cannot be written down."""
    try:
        return [_statement(effect) for effect in effects]
    except (UnicodeEncodeError, OverflowError) as error:
        raise StoreError(f"cannot be stored: {error}") from error


def labels_key(labels: Labels) -> str:
    """Label sets as the readable text that identifies an instance's row."""
    return msgspec.json.encode(labels).decode()


def _statement(effect: Durable) -> Statement:  # noqa: PLR0911, PLR0912  # one case an effect
    match effect:  # what every firing has comes first
        case InstanceSaved(state):
            return _SAVE_INSTANCE, (state.rule, labels_key(state.labels), _pack(state))
        case FiringSaved(firing):
            return _SAVE_FIRING, (firing.id, firing.rule, firing.fired_at, firing.resolved_at, _pack(firing))
        case Journaled() | Audited():
            return _line(effect)
        case LedgerSaved(entry):
            stage = None if entry.stage is None else str(entry.stage)
            columns = (entry.firing_id, entry.receiver, str(entry.told), entry.seq, entry.at, stage, _clean(entry.why))
            return _SAVE_LEDGER, columns
        case MembershipSaved(Membership(firing_id=firing_id, groups=())):
            return _DROP_MEMBERSHIP, (firing_id,)
        case MembershipSaved(membership):
            return _SAVE_MEMBERSHIP, (membership.firing_id, _pack(membership))
        case InstanceDropped(rule, labels):
            return _DROP_INSTANCE, (rule, labels_key(labels))
        case SilenceSaved(silence):
            return _SAVE_SILENCE, (silence.id, silence.starts_at, silence.ends_at, _pack(silence))
        case SilenceDropped(id_):
            return _DROP_SILENCE, (id_,)
        case MarkSaved(mark):
            return _SAVE_MARK, (mark.id, mark.time, _pack(mark))
        case MarkDropped(id_):
            return _DROP_MARK, (id_,)
        case GroupSaved(times):
            return _SAVE_GROUP, (group_id(times.key), times.due, _pack(times))
        case StormSaved(storm):
            return _SAVE_STORM, (storm.receiver, _pack(storm))
        case GroupDropped(key):
            return _DROP_GROUP, (group_id(key),)
        case RunSaved(run):
            return _SAVE_RUN, (run.id, run.firing_id, run.action, str(run.state), run.at, _pack(run))
        case ProposalSaved(proposal):
            return _SAVE_PROPOSAL, _proposal_row(proposal)
        case EscalationSaved(escalation):
            return _SAVE_ESCALATION, (escalation.firing_id, escalation.name, escalation.since, escalation.step)
        case EscalationDropped(firing_id):
            return _DROP_ESCALATION, (firing_id,)
        case HoldSaved(hold):
            return (_DROP_HOLD, ()) if hold is None else (_SAVE_HOLD, (_pack(hold),))
        case Notify(notification):
            return _ADD_OUTBOX, _outbox_row(notification)
        case _:
            assert_never(effect)


def _proposal_row(proposal: Proposal) -> tuple[Column, ...]:
    of = (proposal.id, proposal.firing_id, proposal.action, str(proposal.state))
    return (*of, proposal.made_at, proposal.expires_at, _pack(proposal))


def _line(effect: Journaled | Audited) -> Statement:
    # File names and foreign error texts end up here: what is not Unicode must not lose the line.
    if isinstance(effect, Journaled):
        detail = msgspec.json.encode({_clean(name): _clean(value) for name, value in effect.detail.items()}).decode()
        return _ADD_JOURNAL, (
            effect.at,
            effect.kind,
            _clean(effect.rule),
            effect.firing_id,
            _clean(effect.text),
            detail,
        )
    told = (effect.by, effect.verb, effect.object, effect.detail, effect.origin)
    return _ADD_AUDIT, (effect.at, *map(_clean, told))


def _outbox_row(notification: Notification) -> tuple[Column, ...]:
    firings = " ".join(notification.firing_ids)
    return (notification.key, notification.receiver, firings, notification.at, _pack(notification))


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _decode(decoder: _Decoder[_T], doc: Any) -> _T:
    try:
        return decoder.decode(doc)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"the state is damaged: {error}") from error


def instance(doc: bytes) -> InstanceState:
    """The value in a row's `doc`."""
    return _decode(_instances, doc)


def firing(doc: bytes) -> Firing:
    """The value in a row's `doc`."""
    return _decode(_firings, doc)


def silence(doc: bytes) -> Silence:
    """The value in a row's `doc`."""
    return _decode(_silences, doc)


def mark(doc: bytes) -> Mark:
    """The value in a row's `doc`."""
    return _decode(_marks, doc)


def run(doc: bytes) -> ActionRun:
    """The value in a row's `doc`."""
    return _decode(_runs, doc)


def proposal(doc: bytes) -> Proposal:
    """The value in a row's `doc`."""
    return _decode(_proposals, doc)


def hold(doc: bytes) -> Hold:
    """The value in a row of `meta`."""
    return _decode(_holds, doc)


def notification(doc: bytes) -> Notification:
    """The value in a row's `doc`."""
    return _decode(_notifications, doc)


def ledger_entry(row: tuple[Any, ...]) -> LedgerEntry:
    """From the columns firing, receiver, told, seq, at, stage, why."""
    firing_id, receiver, told, seq, at, stage, why = row
    return LedgerEntry(firing_id, receiver, Told(told), seq, at, StageName(stage) if stage else None, why)


def group_times(doc: bytes) -> GroupTimes:
    """The value in a row's `doc`."""
    return _decode(_groups, doc)


def membership(doc: bytes) -> Membership:
    """The value in a row's `doc`."""
    return _decode(_memberships, doc)


def group_id(key: GroupKey) -> str:
    """Group keys as the readable text that identifies a row."""
    return msgspec.json.encode(key).decode()


def journaled(row: tuple[Any, ...]) -> Journaled:
    """From the columns at, kind, rule, firing, text, detail."""
    at, kind, rule, firing_id, text, detail = row
    return Journaled(at, kind, rule, firing_id, text, _decode(_details, detail))


def storm(doc: bytes) -> Storm:
    """The value in a row's `doc`."""
    return _decode(_storms, doc)
