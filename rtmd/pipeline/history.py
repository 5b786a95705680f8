"""The story of a firing, told from what was written down: journal, outbox, audit, marks and silences.

Lines of the journal say what happened in words already; those of known kinds are told in better ones here, and every
other kind as it stands. So a kind that is new is told at once, and nothing has to know all of them.

Engine times become people's with the clock as it stands now. Of things at one time, the journal's order is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct, field

from rtmd.model.change import ChangeKind
from rtmd.model.display import number
from rtmd.model.effects import Audited, Journaled
from rtmd.model.firing import Firing, StageRecord
from rtmd.model.labels import show
from rtmd.model.mark import Mark
from rtmd.model.reaction import LedgerEntry
from rtmd.model.silence import Silence
from rtmd.wire.explain import EntryView

_JOURNALED = frozenset({"ack", "verdict", "missed", "silence", "expire", "mark", "reload"})  # verbs told by the journal


class Letter(Struct, frozen=True):
    """A notification that no receiver has confirmed."""

    key: str
    receiver: str
    attempts: int
    error: str
    dead: bool


class Past(Struct, frozen=True):
    """What is on disk about a firing. `journal` has its lines and those about everything meanwhile, in order."""

    firing: Firing
    journal: tuple[Journaled, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    letters: tuple[Letter, ...] = ()
    silences: Mapping[str, Silence] = field(default_factory=dict)
    audit: tuple[Audited, ...] = ()
    truncated: bool = False


def entries(past: Past, offset: int, receiver: str = "") -> list[EntryView]:
    """Everything that happened, by time; for one receiver: what concerned it, and what happened to the firing."""
    letters = {letter.key: letter for letter in past.letters}
    silences = {each.id for each in past.silences.values()}
    told = [_entry(line, past, letters, offset) for line in past.journal if _concerns(line, past.firing, silences)]
    told += [_mark(mark) for mark in past.firing.marks]
    told += [_audited(line) for line in past.audit if line.verb not in _JOURNALED]
    return sorted((entry for entry in told if receiver in ("", entry.receiver) or not entry.receiver), key=_at)


def _at(entry: EntryView) -> int:
    return entry.at


def _concerns(line: Journaled, firing: Firing, silences: set[str]) -> bool:
    """Whether a line is about the firing: its own, or about everything; of silences those that hid it."""
    if line.kind == "silence" and not line.firing_id:
        return firing.id in line.detail.get("firings", "").split() or line.detail.get("silence") in silences
    if line.kind == "mark":
        return False  # those that may be about it stand in the firing
    return line.firing_id == firing.id or line.rule in ("", firing.rule)


def _entry(line: Journaled, past: Past, letters: Mapping[str, Letter], offset: int) -> EntryView:
    say = _SAY.get(line.kind)
    text = say(line) if say else line.text
    more: list[str] = []
    waits = False
    match line.kind:
        case "transition":
            more = list(_evidence(line, past.firing))
        case "told" if "reason" in line.detail:
            letter = letters.get(line.detail.get("key", ""))
            more, waits = [_delivery(letter)], letter is not None and not letter.dead
        case "suppressed":
            silence = past.silences.get(line.detail.get("by", ""))
            more = [f"silence {silence.id}: {silence.comment}"] if silence and silence.comment else []
        case _:
            note = line.detail.get("note") or line.detail.get("detail")
            more = [note] if note else []
    return EntryView(line.at + offset, line.kind, text or line.text, line.detail.get("receiver", ""), more, waits)


_CHANGES: Mapping[str, str] = {
    ChangeKind.OPENED: "the firing opens, at {stage}",
    ChangeKind.REOPENED: "fires again, at {stage}: the same firing goes on",
    ChangeKind.STAGE_FIRED: "{stage} fires: {reason}{seen}",
    ChangeKind.STAGE_ENDED: "{stage} ends: {reason}{seen}",
    ChangeKind.RAISED: "rises to {stage}",
    ChangeKind.FELL: "falls back to {stage}",
    ChangeKind.RESOLVED: "resolved: {reason}",
}


def _transition(line: Journaled) -> str:
    stage, reason, value = (line.detail.get(key, "") for key in ("stage", "reason", "value"))
    seen = f" ({number(float(value))})" if value else ""
    words = _CHANGES.get(line.detail.get("change", ""), "{stage}: {reason}{seen}")
    return words.format(stage=stage, reason=reason, seen=seen) if stage else line.text


def _outcome(line: Journaled) -> str:
    return f"{line.detail.get('stage', '')} turned out: {line.detail.get('reason', '')}"


def _told(line: Journaled) -> str:
    receiver, reason = line.detail.get("receiver", ""), line.detail.get("reason", "")
    what, _, why = line.text.partition(f" to {receiver}: ")
    return f"{receiver} is told: {what} ({reason}): {why}" if why and reason else line.text


_SAY: Mapping[str, Callable[[Journaled], str]] = {"transition": _transition, "outcome": _outcome, "told": _told}


def _delivery(letter: Letter | None) -> str:
    if letter is None:
        return "delivered"
    trouble = f": {letter.error}" if letter.error else ""
    if letter.dead:
        return f"given up after {letter.attempts} attempts{trouble}"
    return f"not delivered yet, {letter.attempts} attempts{trouble}" if letter.attempts else "on its way"


def _evidence(line: Journaled, firing: Firing) -> Iterator[str]:
    """The evaluation that made a stage fire, where it is still the one that is kept."""
    if line.detail.get("change") != ChangeKind.STAGE_FIRED:
        return
    record: StageRecord | None = next((each for each in firing.stages if each.name == line.detail.get("stage")), None)
    evidence = record.evidence if record else None
    if evidence is not None and evidence.at == line.at:
        for clause in evidence.clauses:
            yield f"{clause.name}: {number(clause.value)}  {clause.text}"


def _mark(mark: Mark) -> EntryView:
    about = f" {show(mark.labels)}" if mark.labels else ""
    return EntryView(mark.time, "mark", f"{mark.kind}: {mark.text}{about}", more=[f"reported by {mark.by}"])


def _audited(line: Audited) -> EntryView:
    return EntryView(line.at, "audit", f"{line.by}: {line.verb}", more=[line.detail] if line.detail else [])
