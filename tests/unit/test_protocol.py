"""The protocol table: its whole product is walked, nothing is implied (semantics S1)."""

import itertools
import runpy
from pathlib import Path

import pytest

from rtmd.engine.protocol import TRANSITIONS, Event, IllegalTransition, advance
from rtmd.model.firing import Outcome, StageState

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("state", "event"), itertools.product(StageState, Event))
def test_every_pair_is_either_in_the_table_or_illegal(state: StageState, event: Event) -> None:
    if event in TRANSITIONS[state]:
        after, reason = advance(state, event)
        assert isinstance(after, StageState)
        assert reason
    else:
        with pytest.raises(IllegalTransition, match=f"{event} cannot happen to a stage that is {state}"):
            advance(state, event)


def test_an_idle_stage_only_knows_a_condition_that_becomes_true_and_a_feed_that_dies() -> None:
    assert set(TRANSITIONS[StageState.INACTIVE]) == {Event.RISE, Event.HOLD, Event.STARVE}


def test_every_state_can_be_reached_and_left() -> None:
    reached = {after for events in TRANSITIONS.values() for after, _ in events.values()}
    assert reached == set(StageState)
    for state, events in TRANSITIONS.items():
        assert any(after is not state for after, _ in events.values())


def test_removal_and_loss_end_whatever_is_not_idle() -> None:
    for state in set(StageState) - {StageState.INACTIVE}:
        for event in (Event.REMOVE, Event.LOSE):
            assert advance(state, event)[0] is StageState.INACTIVE


def test_the_page_about_the_protocol_is_drawn_from_the_table() -> None:
    text = (DOCS / "protocol.md").read_text(encoding="utf-8")
    drawn = runpy.run_path(str(DOCS / "diagrams.py"))["page"](text)
    assert text == drawn, "the table has changed: run `make docs`"
    for event in Event:
        assert f"| `{event}` | " in text, "each event of the table carries a comment that says what it stands for"


def test_a_changed_rule_moves_only_what_it_may() -> None:
    """Semantics S11: it may end what burns, or send it back; it never makes anything fire."""
    after = {
        event: {state: events[event][0] for state, events in TRANSITIONS.items() if event in events}
        for event in (Event.REJUDGE, Event.DEFER, Event.OVERRULE)
    }
    pending, firing, recovering = StageState.PENDING, StageState.FIRING, StageState.RECOVERING
    assert after[Event.REJUDGE] == {firing: firing, recovering: recovering}
    assert after[Event.DEFER] == {firing: pending}
    assert set(after[Event.OVERRULE]) == {pending, firing, recovering}
    assert set(after[Event.OVERRULE].values()) == {StageState.INACTIVE}


def test_the_page_about_the_protocol_names_every_state_and_outcome() -> None:
    text = (DOCS / "protocol.md").read_text(encoding="utf-8")
    assert [state for state in StageState if f"* **{state}**: " not in text] == []
    assert [outcome for outcome in Outcome if f"| `{outcome}` | " not in text] == []
