"""The ledger (semantics S5): what each receiver was last told of each firing, and what was withheld from it.

Suppression gates firing messages only. A receiver that was told "firing" is always told "resolved", silenced or
not; one that never was, never is. What was withheld is said once when the suppression ends and the firing still
burns. `seq` rises by one with each message of a firing to a receiver, so the far side can drop what is overtaken.
Both are entries, so both survive a restart. Ties are resolved by receiver name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rtmd.model.firing import Firing
from rtmd.model.reaction import Alert, LedgerEntry, Notification, NotifyReason, Told

_WITHHELD = (Told.WITHHELD, Told.RISE_WITHHELD)
_REASONS = {
    Told.FIRING: NotifyReason.FIRST,
    Told.RAISED: NotifyReason.NEW,
    Told.STILL_FIRING: NotifyReason.NEW,
    Told.RESOLVED: NotifyReason.ALL_RESOLVED,
}
_UNAWARE = (None, Told.RESOLVED, Told.WITHHELD)  # the receiver does not know that the firing is open


class Ledger:
    """What was told, and what was withheld."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, LedgerEntry]] = {}

    def __repr__(self) -> str:
        return f"<Ledger {len(self._told)} firings told, {sum(1 for _ in self.withheld())} withheld>"

    def restore(self, entries: Iterable[LedgerEntry]) -> None:
        """Take in what the store kept."""
        for entry in entries:
            self._told.setdefault(entry.firing_id, {})[entry.receiver] = entry

    def tell(self, firing: Firing, receivers: Iterable[str], told: Told, *, at: int, reason: str) -> list[Notification]:
        """Messages to these receivers; a rise is news of a firing to those who did not know of it."""
        entries = self._told.setdefault(firing.id, {})
        messages = []
        for receiver in receivers:
            known = entries.get(receiver)
            says = Told.FIRING if told is Told.RAISED and _told(known) in _UNAWARE else told
            seq = known.seq + 1 if known else 1
            entries[receiver] = LedgerEntry(firing.id, receiver, says, seq, at)
            alert = Alert(firing, says, seq, reason)
            messages.append(Notification(f"{firing.id}/{receiver}/{seq}", receiver, at, _REASONS[says], (alert,)))
        return messages

    def knows(self, alert: Alert, receiver: str, at: int) -> bool:
        """Whether a receiver was told as much at `at` or later: that it fires, or that it is over."""
        known = self._told.get(alert.firing.id, {}).get(receiver)
        if known is None or known.at < at:
            return False
        return known.told is Told.RESOLVED if alert.resolved else known.told not in _UNAWARE

    def known_to(self, receiver: str) -> Iterator[LedgerEntry]:
        """What a receiver knows to be open, by firing id; a rise that it was not told of is none."""
        for firing_id in sorted(self._told):
            entry = self._told[firing_id].get(receiver)
            if entry is not None and entry.told not in _UNAWARE:
                yield replace(entry, told=Told.FIRING) if entry.told is Told.RISE_WITHHELD else entry

    def withhold(self, firing: Firing, receivers: Iterable[str], at: int) -> list[LedgerEntry]:
        """These receivers would have been told now; remember them until the suppression ends."""
        entries = self._told.setdefault(firing.id, {})
        for receiver in receivers:
            known = entries.get(receiver)
            told = Told.WITHHELD if _told(known) in _UNAWARE else Told.RISE_WITHHELD
            entries[receiver] = LedgerEntry(firing.id, receiver, told, known.seq if known else 0, at)
        return [entries[receiver] for receiver in receivers]

    def resolve(self, firing: Firing, *, at: int, reason: str) -> list[Notification]:
        """The final word to everyone who was told that it fires."""
        aware = [entry.receiver for entry in self._entries(firing.id) if entry.told not in _UNAWARE]
        return self.tell(firing, aware, Told.RESOLVED, at=at, reason=reason)

    def settle(self, firing: Firing, at: int) -> list[LedgerEntry]:
        """The firing has resolved: what was withheld will never be said; gives the entries that changed."""
        settled = [
            replace(entry, told=Told.RESOLVED, at=at) for entry in self._entries(firing.id) if entry.told in _WITHHELD
        ]
        self.restore(settled)
        return settled

    def withheld(self) -> Iterator[tuple[str, list[str]]]:
        """Firings with withheld messages, by id, and the receivers that wait for them."""
        for firing_id in sorted(self._told):
            receivers = [entry.receiver for entry in self._entries(firing_id) if entry.told in _WITHHELD]
            if receivers:
                yield firing_id, receivers

    def entry(self, firing_id: str, receiver: str) -> LedgerEntry:
        """What a receiver was last told; KeyError when it never was."""
        return self._told[firing_id][receiver]

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        self._told.pop(firing_id, None)

    def _entries(self, firing_id: str) -> list[LedgerEntry]:
        entries = self._told.get(firing_id, {})
        return [entries[receiver] for receiver in sorted(entries)]


def _told(entry: LedgerEntry | None) -> Told | None:
    return entry.told if entry else None
