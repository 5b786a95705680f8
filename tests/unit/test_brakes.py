"""Brakes (semantics S8, S10): what they stop, where, and until when."""

from __future__ import annotations

from rtmd.alerting.brakes import Brake, Brakes

ACME = Brake("f1", "backlash", frozenset({"reply-post"}), (("brand", "acme"),))


def test_a_brake_stops_its_actions_where_its_labels_hold_and_nothing_else() -> None:
    brakes = Brakes()
    brakes.put(ACME)
    assert brakes.on("reply-post", (("brand", "acme"), ("site", "fr"))) is ACME
    assert brakes.on("reply-post", (("brand", "zeta"),)) is None
    assert brakes.on("hold-queue", (("brand", "acme"),)) is None


def test_a_label_that_a_firing_does_not_have_is_empty() -> None:
    assert Brake("f1", "b", frozenset({"a"}), (("site", ""),)).stops("a", (("brand", "acme"),))
    assert not ACME.stops("reply-post", ())


def test_without_labels_it_stops_its_actions_everywhere() -> None:
    assert Brake("f1", "b", frozenset({"a"})).stops("a", (("brand", "acme"),))


def test_the_first_by_name_is_named_and_the_other_holds_when_it_is_lifted() -> None:
    brakes = Brakes()
    other = Brake("f0", "crisis", frozenset({"reply-post"}))
    brakes.put(other)
    brakes.put(ACME)
    assert brakes.on("reply-post", (("brand", "acme"),)) is ACME
    assert brakes.lift("f1") is ACME
    assert brakes.on("reply-post", (("brand", "acme"),)) is other


def test_lifting_what_is_not_on_changes_nothing() -> None:
    assert Brakes().lift("f1") is None
