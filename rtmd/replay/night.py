"""The event night, played: on virtual time as a timeline with its card, and in real time as a source.

On virtual time the play starts at a fixed moment, so that a seed gives the same text byte for byte, and goes on after
the story until every judgement is in and nothing burns any more; what waits for a person is decided by an invented
one. In real time that is who sits at the screen, and the story's batches come when they are due; what was due while
nobody looked (a suspend) comes late, with its own times.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter

from rtmd.formats.batch import SeriesTable
from rtmd.model.action import ProposalState
from rtmd.model.effects import Effect, ProposalSaved
from rtmd.model.firing import Firing
from rtmd.model.inputs import ProposalDecided, ReactionsLoaded, RulesLoaded, WallClock
from rtmd.model.rule import MINUTE, RuleSet
from rtmd.pipeline import Input, Pipeline, Samples
from rtmd.ports import Clock, Emit
from rtmd.replay.card import card
from rtmd.replay.play import Play, Timed, succeed
from rtmd.replay.story import SOURCE, Event, Story, about, plain_alerts
from rtmd.replay.timeline import Timeline

# 25 seconds past a full minute: the hours stage, judged at full minutes, has its say in the middle of the story.
START = 1_781_000_000_000 // MINUTE * MINUTE + 25_000
_DESK = "ana"
_THINKS = 8_000  # ms
_AFTERWARDS = 10 * MINUTE  # at most so long after the story


class StorySource:
    """The story as a live source: each batch at its engine time, and what is reported beside it to `report`."""

    name = SOURCE

    def __init__(self, story: Story, clock: Clock, report: Callable[[Input], None]) -> None:
        self.story = story
        self._clock = clock
        self._report = report
        self._marks = deque(story.marks)

    def __repr__(self) -> str:
        return f"<StorySource of {self.story!r}>"

    async def run(self, emit: Emit) -> None:
        """Emit until the story is told."""
        while (due := self.story.next_at) is not None:
            await asyncio.sleep(max(0, due - self._clock.now()) / 1000)
            now = self._clock.now()
            for _, batch in self.story.until(now):
                emit(self.name, batch)
            while self._marks and self._marks[0][0] <= now:
                self._report(self._marks.popleft()[1])


def timeline(seed: int, rules: RuleSet, reactions: ReactionsLoaded) -> Iterator[str]:
    """The whole night on virtual time, line by line: what happens, what rtmd makes of it, and the card."""
    series = SeriesTable()
    story = Story(seed, START, series)
    pipeline = Pipeline(series, START)
    play = Play(pipeline, _inputs(story, rules, reactions), _perform)
    lines = Timeline(pipeline.engine.rule, START)
    yield f"EVENT NIGHT, a simulation (seed {seed}): brands, posts and people are invented, time is virtual."
    yield "Windows are scaled: 30 seconds play the minutes, 90 seconds play the hours."
    yield "Lines with * say what happens; the others, what rtmd sees and does. Ana decides what waits."
    yield ""
    events = list(story.events)
    for happened in play.until(story.ends):
        while events and events[0].begins <= happened.at:
            yield _heading(lines, events.pop(0))
        yield from lines.lines(happened)
    while _unsettled(pipeline.firings()) and play.at < story.ends + _AFTERWARDS:
        for happened in play.until(play.at + MINUTE):
            yield from lines.lines(happened)
    firings, proposals = pipeline.firings(), pipeline.reactor.proposing.proposals
    states = [str(proposal.state) for firing in firings for proposal in proposals.of(firing.id)]
    yield ""
    yield from card_of(story, firings, states, play.at)


def card_of(story: Story, firings: Iterable[Firing], proposals: Iterable[str], at: int) -> list[str]:
    """The card of a night that was watched until engine time `at`; `proposals` are their states."""
    plain = plain_alerts(story, at)
    return card(story, plain=plain, firings=tuple(firings), proposals=Counter(proposals), at=at)


def _inputs(story: Story, rules: RuleSet, reactions: ReactionsLoaded) -> Iterator[Timed]:
    for given in (WallClock(0), reactions, RulesLoaded(rules)):
        yield story.start, given
    samples: Iterator[Timed] = ((at, Samples(SOURCE, batch)) for at, batch in story.until(story.ends))
    yield from heapq.merge(samples, story.marks, key=itemgetter(0))


def _perform(effect: Effect, at: int) -> Iterator[Timed]:
    """Everything works, and Ana decides: she approves what is proposed, and declines what a brake has held up."""
    yield from succeed(effect, at)
    if isinstance(effect, ProposalSaved) and effect.proposal.state is ProposalState.PENDING:
        proposal, first = effect.proposal, effect.proposal.version == 1
        reason = "" if first else "the moment has passed"
        yield at + _THINKS, ProposalDecided(0, _DESK, proposal.id, first, proposal.version, reason)


def _heading(lines: Timeline, event: Event) -> str:
    return lines.line(event.begins, f"* {event.text} ({about(event.labels)})")


def _unsettled(firings: list[Firing]) -> bool:
    """Something burns, or waits for its judgement."""
    return any(
        firing.open or any(record.judge_at and record.outcome is None for record in firing.stages) for firing in firings
    )
