"""The ledger (semantics S5): what each receiver was last told of each firing, and what was withheld from it.

A receiver that was told "firing" is always told "resolved", silenced or not; one that never was, never is. `seq`
rises by one with each message of a firing to a receiver, so the far side can drop what is overtaken. Both are entries,
so both survive a restart; and since a group has news only where the ledger says that its receiver does not know,
neither a restart nor another configuration tells anything twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtmd.alerting.flush import UNAWARE, WITHHELD
from rtmd.model.firing import Firing
from rtmd.model.group import GroupKey
from rtmd.model.reaction import Alert, LedgerEntry, Told
from rtmd.model.replace import replace
from rtmd.model.rule import StageName


class Ledger:
    """What was told, and what was withheld."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, LedgerEntry]] = {}
        self._withheld: set[tuple[str, str]] = set()  # of these firings from these receivers

    def __repr__(self) -> str:
        return f"<Ledger {len(self._told)} firings told, {len(self._withheld)} withheld>"

    def restore(self, entries: Iterable[LedgerEntry]) -> None:
        """Take in what the store kept."""
        for entry in entries:
            self._told.setdefault(entry.firing_id, {})[entry.receiver] = entry
            mark = self._withheld.add if entry.told in WITHHELD else self._withheld.discard
            mark((entry.firing_id, entry.receiver))

    def get(self, firing_id: str, receiver: str) -> LedgerEntry | None:
        """What a receiver was last told of a firing, if anything."""
        return self._told.get(firing_id, {}).get(receiver)

    def knows(self, alert: Alert, receiver: str, at: int) -> bool:
        """Whether a receiver was told as much at `at` or later: that it fires, or that it is over."""
        known = self._told.get(alert.firing.id, {}).get(receiver)
        if known is None or known.at < at:
            return False
        return known.told is Told.RESOLVED if alert.resolved else known.told not in UNAWARE

    def was_told(self, firing: Firing, receiver: str) -> bool:
        """Whether a receiver knows that a firing is open, or knew it while it was."""
        known = self.get(firing.id, receiver)
        return known is not None and known.seq > 0 and (not firing.open or known.told not in UNAWARE)

    def known_to(self, receiver: str) -> Iterator[LedgerEntry]:
        """What a receiver knows to be open, by firing id; a rise that it was not told of is none."""
        for firing_id in sorted(self._told):
            entry = self._told[firing_id].get(receiver)
            if entry is not None and entry.told not in UNAWARE:
                yield replace(entry, told=Told.FIRING) if entry.told is Told.RISE_WITHHELD else entry

    def known_count(self, receiver: str) -> int:
        """How much a receiver knows to be open."""
        entries = (entries.get(receiver) for entries in self._told.values())
        return sum(entry is not None and entry.told not in UNAWARE for entry in entries)

    def of(self, firing_id: str) -> list[LedgerEntry]:
        """All entries of a firing, by receiver."""
        entries = self._told.get(firing_id, {})
        return [entries[receiver] for receiver in sorted(entries)]

    def tell(self, firing: Firing, receiver: str, told: Told, stage: StageName, *, at: int, reason: str) -> Alert:
        """A receiver is being told this of a firing, in a group of that stage."""
        known = self.get(firing.id, receiver)
        seq = known.seq + 1 if known else 1
        self.restore([LedgerEntry(firing.id, receiver, told, seq, at, stage)])
        return Alert(firing, told, seq, reason)

    def withhold(self, firing: Firing, receiver: str, stage: StageName, *, why: str, at: int) -> LedgerEntry | None:
        """A receiver would have been told at that stage, but for `why`; None where the ledger says so already."""
        known = self.get(firing.id, receiver)
        if known and (known.told is Told.RISE_WITHHELD or (known.told is Told.WITHHELD and known.stage is stage)):
            return None
        known = known or LedgerEntry(firing.id, receiver, Told.RESOLVED, 0, at)
        if known.told in UNAWARE:
            entry = replace(known, told=Told.WITHHELD, stage=stage, at=at, why=why)
        else:
            entry = replace(known, told=Told.RISE_WITHHELD, at=at, why=why)
        self.restore([entry])
        return entry

    def stands(self, firing_id: str, group: GroupKey) -> bool:
        """Whether the receiver of a group knows that a firing burns at the stage of that group."""
        known = self.get(firing_id, group.receiver)
        return known is not None and known.told not in (*UNAWARE, *WITHHELD) and known.stage is group.stage

    def hold(self, firing: Firing, why: str) -> list[LedgerEntry]:
        """Those who know that it fires have something to hear: that it still does, after what muted it."""
        known = [entry for entry in self.aware(firing.id) if entry.told is not Told.RISE_WITHHELD]
        held = [replace(entry, told=Told.RISE_WITHHELD, why=why) for entry in known]
        self.restore(held)
        return held

    def settle(self, firing: Firing, at: int) -> list[LedgerEntry]:
        """The firing has resolved: what was withheld from those who do not know of it will never be said."""
        unsaid = (entry for entry in self.of(firing.id) if entry.told is Told.WITHHELD)
        settled = [replace(entry, told=Told.RESOLVED, at=at) for entry in unsaid]
        self.restore(settled)
        return settled

    def close(self, firings: Iterable[Firing], receiver: str) -> list[LedgerEntry]:
        """These have resolved, and the receiver is not to hear of it."""
        known = filter(None, (self.get(firing.id, receiver) for firing in firings))
        closed = [replace(entry, told=Told.RESOLVED) for entry in known]
        self.restore(closed)
        return closed

    def aware(self, firing_id: str) -> list[LedgerEntry]:
        """The entries of those who were told that it fires."""
        return [entry for entry in self.of(firing_id) if entry.told not in UNAWARE]

    def withheld(self) -> list[tuple[str, str]]:
        """Every (firing, receiver) with something withheld, in order."""
        return sorted(self._withheld)

    def forget(self, firing_id: str) -> None:
        """The firing is history."""
        for receiver in self._told.pop(firing_id, {}):
            self._withheld.discard((firing_id, receiver))
