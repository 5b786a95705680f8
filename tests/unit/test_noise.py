"""Noise (semantics S14): what the journal says of a rule's firings, and the score that follows."""

from __future__ import annotations

import pytest

from rtmd.alerting.noise import DAY, FALSE_STARTS, FLAPPED, MARKED, SILENCED, UNATTENDED, Noise, RuleNoise, Share
from rtmd.model.effects import Journaled
from rtmd.model.rule import StageName

START = 1_790_000_000_000
HOUR = 3_600_000


class Journal:
    """Writes the lines that a firing leaves, as the pipeline does."""

    def __init__(self) -> None:
        self.noise = Noise()
        self.at = START
        self.count = 0

    def line(self, kind: str, firing: str, **detail: str) -> None:
        self.noise.take(Journaled(self.at, kind, "surge", firing, detail=detail))

    def changed(self, firing: str, change: str) -> None:
        self.line("transition", firing, change=change, stage="seconds", reason="because")

    def judged(self, firing: str, outcome: str, stage: str = "seconds") -> None:
        self.line("outcome", firing, change="judged", stage=stage, reason=outcome)

    def firing(self, *, lasts: int = 60_000, ends: bool = True) -> str:
        """One that opens an hour after the last one; `ends` also resolves it."""
        self.count += 1
        self.at = START + self.count * HOUR
        firing = f"f{self.count}"
        self.changed(firing, "opened")
        if ends:
            self.at += lasts
            self.changed(firing, "resolved")
        return firing

    def surge(self, days: int = 7) -> RuleNoise:
        [found] = self.noise.board(self.at - days * DAY, self.at, ["surge"])
        return found


@pytest.fixture
def journal() -> Journal:
    return Journal()


def adds(found: RuleNoise) -> dict[str, float]:
    return {term.name: round(term.adds, 3) for term in found.terms if term.adds}


def test_what_ended_before_anybody_had_it_is_counted_among_what_ended(journal: Journal) -> None:
    for _ in range(4):
        journal.firing()
    journal.line("ack", journal.firing(ends=False))
    journal.changed("f5", "resolved")
    journal.firing(ends=False)
    found = journal.surge()
    assert (found.firings, found.unattended) == (6, Share(4, 5))


def test_the_median_and_the_firings_a_day_are_those_of_the_window(journal: Journal) -> None:
    for lasts in (1_000, 5_000, 90_000):
        journal.firing(lasts=lasts)
    assert journal.surge().duration == 5_000
    assert journal.surge().a_day == 3  # three hours say no more of a day than that
    journal.at += 2 * DAY
    assert round(journal.surge().a_day, 2) == round(3 / (2 + (2 * HOUR + 90_000) / DAY), 2)
    assert journal.surge(days=1).firings == 0


def test_false_starts_are_shares_of_what_was_judged_one_way_or_the_other_by_stage(journal: Journal) -> None:
    for outcome in ("false start", "false start", "confirmed", "sustained", "undecided", "lost", "within"):
        journal.judged(journal.firing(), outcome)
    journal.judged("f3", "false start", "minutes")
    assert journal.surge().false_starts == {StageName.SECONDS: Share(2, 3), StageName.MINUTES: Share(1, 1)}


def test_below_five_firings_there_is_no_score_and_no_rank_before_those_that_have_one(journal: Journal) -> None:
    for _ in range(4):
        journal.firing()
    assert (journal.surge().score, journal.surge().terms) == (None, ())
    journal.firing()
    found = journal.noise.board(START, journal.at, ["aaa", "surge"])
    assert [(each.rule, each.score is None) for each in found] == [("surge", False), ("aaa", True)]


def test_the_terms_add_up_to_the_score_by_their_weights(journal: Journal) -> None:
    for _ in range(5):
        journal.judged(journal.firing(), "false start")
    found = journal.surge()
    assert found.score == pytest.approx(5 / 8)
    assert adds(found) == {FALSE_STARTS: 0.375, UNATTENDED: 0.25}
    journal.line("silence", "", silence="s1", firings="f1 f2 gone")
    journal.changed("f2", "reopened")
    journal.changed("f2", "resolved")
    found = journal.surge()
    assert (found.silenced, found.flapped) == (Share(2, 5), Share(1, 5))
    assert adds(found) == {FALSE_STARTS: 0.375, UNATTENDED: 0.25, SILENCED: 0.1, FLAPPED: 0.025}
    assert found.score == pytest.approx(sum(term.adds for term in found.terms))


def test_what_was_never_judged_is_weighed_by_its_other_signs(journal: Journal) -> None:
    for _ in range(5):
        journal.firing()
    assert adds(journal.surge()) == {UNATTENDED: 0.4}


def test_a_message_withheld_for_a_silence_counts_as_silenced_and_for_a_calendar_not(journal: Journal) -> None:
    journal.line("suppressed", journal.firing(), limiter="silenced", by="s1")
    journal.line("suppressed", journal.firing(), limiter="calendar", by="office")
    assert journal.surge().silenced == Share(1, 2)


def test_peoples_word_goes_before_all_signs_and_the_latest_before_the_earlier(journal: Journal) -> None:
    for _ in range(5):
        journal.judged(journal.firing(), "false start")
    for firing in ("f1", "f2"):
        journal.line("verdict", firing, verdict="real")
    journal.line("verdict", "f3", verdict="real")
    journal.line("verdict", "f3", verdict="noise")
    found = journal.surge()
    assert (found.noise, found.real, found.handled) == (1, 2, Share(2, 5))
    assert adds(found) == {MARKED: 0.2, FALSE_STARTS: 0.15, UNATTENDED: 0.1}


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("action", {"state": "done"}),
        ("proposal", {"state": "declined"}),
        ("outcome", {"stage": "seconds", "reason": "handled"}),
    ],
)
def test_what_was_handled_is_no_noise(journal: Journal, kind: str, detail: dict[str, str]) -> None:
    for _ in range(5):
        firing = journal.firing()
        journal.line(kind, firing, **detail)
    found = journal.surge()
    assert (found.score, found.handled) == (0.0, Share(5, 5))


def test_what_was_missed_is_shown_newest_first_and_counts_in_no_score(journal: Journal) -> None:
    journal.line("missed", "", by="ana", text="the outage")
    journal.at += 1
    journal.line("missed", "", by="bo", text="the other one")
    found = journal.surge()
    assert [(miss.by, miss.text) for miss in found.missed] == [("bo", "the other one"), ("ana", "the outage")]
    assert found.score is None


def test_lines_of_firings_that_nobody_knows_and_of_rules_that_are_gone_change_nothing(journal: Journal) -> None:
    journal.line("ack", "f9")
    journal.firing()
    assert journal.noise.board(START, journal.at, ["other"])[0].firings == 0


def test_what_is_older_than_the_journal_is_let_go_of(journal: Journal) -> None:
    journal.firing()
    journal.at += 31 * DAY
    journal.changed("late", "opened")
    assert repr(journal.noise) == "<Noise of 1 firings>"
