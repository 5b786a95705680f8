"""Proposals as a table (semantics S10): all that can happen to one, in every order."""

from __future__ import annotations

from itertools import product

import pytest

from rtmd.alerting import proposals as proposals_module
from rtmd.alerting.proposals import TRANSITIONS, Event, Proposals, after, standing
from rtmd.errors import ConflictError
from rtmd.model.action import Proposal, ProposalState
from rtmd.model.replace import replace
from rtmd.model.rule import StageName

MADE, EXPIRES = 1_790_000_000_000, 1_790_000_900_000
PENDING = Proposal(
    id="p1",
    version=1,
    action="reply-post",
    firing_id="f1",
    rule="surge",
    labels=(("brand", "acme"),),
    title="acme: surge",
    stage=StageName.MINUTES,
    state=ProposalState.PENDING,
    onset=MADE,
    made_at=MADE,
    expires_at=EXPIRES,
)


def test_the_table_in_the_text_is_the_table() -> None:
    text = (proposals_module.__doc__ or "").splitlines()
    head, *rows = [line for line in text if line.startswith("    ")]
    columns = {event: head.index(str(event)) for event in Event}
    told = {row.split()[0]: {event: row[at : at + 9].strip() for event, at in columns.items()} for row in rows}
    for state, moves in TRANSITIONS.items():
        shown = told.get(str(state), dict.fromkeys(Event, ""))
        assert shown == {event: str(moves.get(event, "")) for event in Event}, state


def test_in_every_sequence_of_five_a_decision_is_the_last_word_and_refusals_change_nothing() -> None:
    for sequence in product(Event, repeat=5):
        proposal, wall = PENDING, MADE
        for event in sequence:
            wall += 1_000
            decided = not proposal.state.waits
            try:
                moved = after(proposal, event, wall, by="ana", reason="so")
            except ConflictError:
                assert event not in TRANSITIONS[proposal.state]
                continue
            assert not decided
            assert moved.version == proposal.version + 1
            assert (moved.decided_at == wall) is not moved.state.waits
            assert (moved.braked_since is not None) is (moved.state is ProposalState.BRAKED)
            proposal = moved
        left = proposal.expires_at - PENDING.expires_at
        assert left == 1_000 * braked_steps(sequence), sequence


def braked_steps(sequence: tuple[Event, ...]) -> int:
    """How many seconds it stood still and then went on, by a plain reading of the sequence."""
    state, since, total = ProposalState.PENDING, 0, 0
    for second, event in enumerate(sequence):
        to = TRANSITIONS[state].get(event)
        if to is None:
            continue
        if event is Event.BRAKE:
            since = second
        elif event is Event.RELEASE:
            total += second - since
        state = to
    return total


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event.APPROVE, r"was approved by ana at \d\d:\d\d UTC: because"),
        (Event.DECLINE, r"was declined by ana at \d\d:\d\d UTC: because"),
        (Event.EXPIRE, "has expired: because"),
        (Event.BRAKE, "waits, braked by because"),
    ],
)
def test_who_comes_too_late_is_told_who_was_first(event: Event, words: str) -> None:
    first = after(PENDING, event, MADE + 5, by="ana", reason="because")
    with pytest.raises(ConflictError, match=words):
        after(first, Event.APPROVE, MADE + 6, by="bo")
    assert "waits for a decision (version 1)" in standing(PENDING)


def test_what_nobody_decides_expires_at_its_time_and_what_is_braked_does_not() -> None:
    proposals = Proposals()
    proposals.keep(PENDING)
    proposals.keep(after(replace(PENDING, id="p2"), Event.BRAKE, MADE + 1, reason="backlash"))
    assert proposals.next_due() == EXPIRES
    assert list(proposals.expire_due(EXPIRES - 1)) == []
    assert [(each.id, each.state) for each in proposals.expire_due(EXPIRES)] == [("p1", ProposalState.EXPIRED)]
    assert proposals.next_due() is None
    assert [each.id for each in proposals.waiting()] == ["p2"]
    assert proposals.holds("f1")


def test_a_forgotten_firing_takes_its_proposals_along() -> None:
    proposals = Proposals()
    proposals.restore([PENDING])
    proposals.forget("f1")
    assert (proposals.get("p1"), proposals.of("f1"), proposals.next_due()) == (None, [], None)
