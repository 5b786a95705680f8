"""The ledger (semantics S5): who was told what, what was withheld, and the number of each message."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rtmd.alerting.ledger import Ledger
from rtmd.model.firing import Firing
from rtmd.model.reaction import Notification, Told
from rtmd.model.rule import Kind, Severity, StageName

FIRING = Firing(
    "f1", 1, "r", (), Kind.HEALTH, "t", Severity.INFO, StageName.SECONDS, stages=(), active_at=1, fired_at=1
)


def said(notes: Iterable[Notification]) -> list[tuple[str, Told, int]]:
    return [(note.receiver, alert.told, alert.seq) for note in notes for alert in note.alerts]


def told(ledger: Ledger, what: Told, *receivers: str) -> list[tuple[str, Told, int]]:
    return said(ledger.tell(FIRING, receivers, what, at=5, reason="because"))


def resolved(ledger: Ledger) -> list[tuple[str, Told, int]]:
    notes = ledger.resolve(FIRING, at=9, reason="over")
    ledger.settle(FIRING, 9)
    return said(notes)


def withheld(ledger: Ledger) -> list[tuple[str, list[str]]]:
    return list(ledger.withheld())


def test_messages_are_numbered_by_firing_and_receiver() -> None:
    ledger = Ledger()
    assert told(ledger, Told.FIRING, "desk", "lead") == [("desk", Told.FIRING, 1), ("lead", Told.FIRING, 1)]
    assert told(ledger, Told.RAISED, "lead") == [("lead", Told.RAISED, 2)]
    assert resolved(ledger) == [("desk", Told.RESOLVED, 2), ("lead", Told.RESOLVED, 3)]
    assert resolved(ledger) == []


def test_a_rise_is_news_of_a_firing_to_who_does_not_know_of_it() -> None:
    ledger = Ledger()
    assert told(ledger, Told.RAISED, "lead") == [("lead", Told.FIRING, 1)]
    resolved(ledger)
    assert told(ledger, Told.RAISED, "lead") == [("lead", Told.FIRING, 3)]


def test_keys_are_stable_and_never_used_twice() -> None:
    ledger = Ledger()
    (first,) = ledger.tell(FIRING, ["desk"], Told.FIRING, at=5, reason="")
    (second,) = ledger.resolve(FIRING, at=6, reason="")
    assert (first.key, second.key) == ("f1/desk/1", "f1/desk/2")


def test_who_was_never_told_is_never_told_the_end() -> None:
    ledger = Ledger()
    ledger.withhold(FIRING, ["desk"], 5)
    assert withheld(ledger) == [("f1", ["desk"])]
    assert resolved(ledger) == []
    assert withheld(ledger) == []
    assert told(ledger, Told.FIRING, "desk") == [("desk", Told.FIRING, 1)]


def test_a_withheld_rise_leaves_the_end_to_be_told() -> None:
    ledger = Ledger()
    told(ledger, Told.FIRING, "desk")
    ledger.withhold(FIRING, ["desk"], 6)
    assert ledger.entry("f1", "desk").told is Told.RISE_WITHHELD
    assert resolved(ledger) == [("desk", Told.RESOLVED, 2)]
    assert withheld(ledger) == []


def test_what_was_said_is_no_longer_withheld() -> None:
    ledger = Ledger()
    ledger.withhold(FIRING, ["lead", "desk"], 5)
    assert told(ledger, Told.STILL_FIRING, "lead") == [("lead", Told.STILL_FIRING, 1)]
    assert withheld(ledger) == [("f1", ["desk"])]


def test_another_process_goes_on_with_the_same_entries() -> None:
    ledger, again = Ledger(), Ledger()
    told(ledger, Told.FIRING, "desk", "lead")
    ledger.withhold(FIRING, ["lead", "log"], 6)
    again.restore([ledger.entry("f1", receiver) for receiver in ("log", "lead", "desk")])
    assert withheld(again) == withheld(ledger) == [("f1", ["lead", "log"])]
    assert resolved(again) == resolved(ledger) == [("desk", Told.RESOLVED, 2), ("lead", Told.RESOLVED, 2)]


def test_a_forgotten_firing_leaves_nothing_behind() -> None:
    ledger = Ledger()
    told(ledger, Told.FIRING, "desk")
    ledger.withhold(FIRING, ["lead"], 6)
    ledger.forget("f1")
    assert withheld(ledger) == []
    with pytest.raises(KeyError):
        ledger.entry("f1", "desk")
