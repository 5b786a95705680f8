"""The ledger (semantics S5): who was told what, what was withheld, and the number of each message."""

from __future__ import annotations

from rtmd.alerting.ledger import Ledger
from rtmd.model.firing import Firing
from rtmd.model.reaction import LedgerEntry, Told
from rtmd.model.rule import Kind, Severity, StageName

SECONDS, MINUTES = StageName.SECONDS, StageName.MINUTES
FIRING = Firing("f1", 1, "r", (), Kind.HEALTH, "t", Severity.INFO, SECONDS, stages=(), active_at=1, fired_at=1)


def tell(ledger: Ledger, receiver: str, told: Told = Told.FIRING, stage: StageName = SECONDS) -> int:
    """The number of the message."""
    return ledger.tell(FIRING, receiver, told, stage, at=5, reason="because").seq


def withhold(ledger: Ledger, receiver: str, stage: StageName = SECONDS) -> LedgerEntry | None:
    return ledger.withhold(FIRING, receiver, stage, why="silenced by ana", at=6)


def test_messages_are_numbered_by_firing_and_receiver() -> None:
    ledger = Ledger()
    assert [tell(ledger, "desk"), tell(ledger, "lead"), tell(ledger, "lead", Told.RAISED, MINUTES)] == [1, 1, 2]
    assert [entry.seq for entry in ledger.of("f1")] == [1, 2]
    assert ledger.get("f1", "lead") == LedgerEntry("f1", "lead", Told.RAISED, 2, 5, MINUTES)


def test_those_who_were_told_are_aware_until_they_are_told_the_end() -> None:
    ledger = Ledger()
    tell(ledger, "desk")
    withhold(ledger, "lead")
    assert [entry.receiver for entry in ledger.aware("f1")] == ["desk"]
    tell(ledger, "desk", Told.RESOLVED)
    assert ledger.aware("f1") == []


def test_what_was_withheld_from_the_unaware_ends_with_the_firing() -> None:
    ledger = Ledger()
    withhold(ledger, "desk")
    assert ledger.withheld() == [("f1", "desk")]
    assert [entry.told for entry in ledger.settle(FIRING, 9)] == [Told.RESOLVED]
    assert ledger.withheld() == []
    assert tell(ledger, "desk") == 1


def test_a_withheld_rise_leaves_the_end_to_be_told() -> None:
    ledger = Ledger()
    tell(ledger, "desk")
    entry = withhold(ledger, "desk", MINUTES)
    assert entry is not None
    assert (entry.told, entry.stage) == (Told.RISE_WITHHELD, SECONDS)
    assert ledger.settle(FIRING, 9) == []
    assert [entry.receiver for entry in ledger.aware("f1")] == ["desk"]


def test_the_same_is_withheld_once() -> None:
    ledger = Ledger()
    assert withhold(ledger, "desk") is not None
    assert withhold(ledger, "desk") is None
    assert withhold(ledger, "desk", MINUTES) is not None


def test_another_process_goes_on_with_the_same_entries() -> None:
    ledger, again = Ledger(), Ledger()
    tell(ledger, "desk")
    withhold(ledger, "log")
    again.restore(reversed(ledger.of("f1")))
    assert again.of("f1") == ledger.of("f1")
    assert tell(again, "desk", Told.RESOLVED) == 2


def test_a_forgotten_firing_leaves_nothing_behind() -> None:
    ledger = Ledger()
    tell(ledger, "desk")
    withhold(ledger, "lead")
    ledger.forget("f1")
    assert ledger.withheld() == []
    assert ledger.of("f1") == []
