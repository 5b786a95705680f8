"""The ledger (semantics S5): what each receiver was last told of each firing, and what was withheld from it.

Suppression gates firing messages only. A receiver that was told "firing" is always told "resolved", silenced or
not; one that never was, never is. What was withheld is said once when the suppression ends and the firing still
burns. `seq` rises by one with each message of a firing to a receiver, so the far side can drop what is overtaken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtmd.model.firing import Firing
from rtmd.model.reaction import LedgerEntry, Notification, Told


class Ledger:
    """What was told, and what was withheld."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, LedgerEntry]] = {}
        self._withheld: dict[str, dict[str, str]] = {}  # firing → receiver → by whom it was silenced

    def __repr__(self) -> str:
        return f"<Ledger {len(self._told)} firings told, {len(self._withheld)} withheld>"

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
            fresh = known is None or known.told is Told.RESOLVED
            says = Told.FIRING if told is Told.RAISED and fresh else told
            seq = known.seq + 1 if known else 1
            entries[receiver] = LedgerEntry(firing.id, receiver, says, seq, at)
            self._withheld.get(firing.id, {}).pop(receiver, None)
            messages.append(Notification(f"{firing.id}/{receiver}/{seq}", receiver, says, seq, at, reason, firing))
        return messages

    def withhold(self, firing: Firing, receivers: Iterable[str], silencer: str) -> None:
        """These receivers would have been told now; remember them until the suppression ends."""
        self._withheld.setdefault(firing.id, {}).update(dict.fromkeys(receivers, silencer))

    def resolve(self, firing: Firing, *, at: int, reason: str) -> list[Notification]:
        """The final word to everyone who was told that it fires."""
        self._withheld.pop(firing.id, None)
        told = [entry.receiver for entry in self._told.get(firing.id, {}).values() if entry.told is not Told.RESOLVED]
        return self.tell(firing, told, Told.RESOLVED, at=at, reason=reason)

    def withheld(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Firings with withheld messages: (firing id, receiver → silencer)."""
        return ((firing_id, dict(receivers)) for firing_id, receivers in self._withheld.items() if receivers)

    def knows(self, firing: Firing, receiver: str) -> bool:
        """Whether the receiver was ever told of the firing."""
        return receiver in self._told.get(firing.id, {})

    def entry(self, firing_id: str, receiver: str) -> LedgerEntry:
        """What a receiver was last told; KeyError when it never was."""
        return self._told[firing_id][receiver]

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        self._told.pop(firing_id, None)
        self._withheld.pop(firing_id, None)
