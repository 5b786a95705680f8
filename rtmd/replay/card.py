"""The words of the demo: hints while it runs, and the card at its end.

Pure: what happened (`story.Event`), what rtmd did (firings) and what a plain threshold would have done go in,
lines of text come out. Titles and labels here are the story's own; the card of anything else would have to
pass through `display.safe`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rtmd.model.firing import Firing, Outcome, StageRecord
from rtmd.model.labels import only
from rtmd.replay.story import LENGTH, PLAIN, TOGETHER, Event, Story, about

_GRACE = 15_000  # ms after an event's end in which a firing about it still counts: long windows look back

# From which second on which hint is shown: one line of 80 columns. The times follow the story's curves.
_HINTS: tuple[tuple[float, str], ...] = (
    (0, "a simulated match night, three invented brands: the first alert is near"),
    (7, "a burst about fizz, nobody was called: press ⏎ to see why, and who wrote that"),
    (16, "over already: esc goes back. 30 s play the minutes: they judge it at 0:42"),
    (30, "lights out: biscuit's chance. go up to it, press a: everybody sees you have it"),
    (41, "too much? press s ⏎: hidden at this stage; if it rises, it comes back"),
    (50, "it lasts, and a reply waits for you: 4, then A and ⏎ post it; 1 goes back"),
    (57, "A posts and D declines here too, on its row: ? post-reply says what waits"),
    (65, "this rule is a file: {rules}"),
    (74, "a joke goes wrong: the queue is held at once, and released when it is over"),
    (84, "⏎ on reply-flood: its curve marks the post of ours that came right before"),
    (90, "volt's numbers jitter; a plain threshold rings every 4 s, here it stays quiet"),
    (95, "make it ring: in mention-surge.seconds of that file, above = 5, and save"),
    (103, "edit {rules}"),
    (121, "negative replies to volt prevail. nobody has it? press a, or the lead is called"),
    (131, "much talk, most of it negative: backlash brakes the reply to volt. look at 4"),
    (145, "above = 12 again, and save: the daemon uses what you wrote at once"),
    (161, "calm again, the brake is off. 4: D declines what comes too late; say why"),
    (172, "almost over; q ends the demo and prints a card with the figures of the night"),
    (180, "the story is over: q prints the card"),
)


def coach(since: int, rules: str) -> str:
    """What to look at or try, `since` ms after the story began; `rules` is the file to edit."""
    hint = ""
    for begins, text in _HINTS:
        if since >= begins * 1000:
            hint = text
    return hint.format(rules=rules)


def caught(event: Event, firings: Iterable[Firing]) -> tuple[Firing, ...]:
    """The firings about this event: its rule and labels, fired while it lasted or shortly after."""
    return tuple(
        firing
        for firing in firings
        if firing.rule == event.rule
        and only(firing.labels, frozenset(name for name, _ in event.labels)) == event.labels
        and event.begins <= firing.fired_at <= event.ends + _GRACE
    )


def card(story: Story, *, plain: int, firings: tuple[Firing, ...], proposals: Counter[str], at: int) -> list[str]:
    """The end card of a night that was watched until engine time `at`, at most 80 columns wide.

    `plain` is what `story.plain_alerts` counted, `proposals` counts them by state; `firings` may hold those of other
    rules (the host's), which are left out. What began after `at` is not mentioned, and what was still going on is not
    missed yet.
    """
    events, start = story.events, story.start
    seen = tuple(event for event in events if event.begins <= at)
    rules = {TOGETHER, *(event.rule for event in events)}
    told = tuple(firing for firing in firings if firing.rule in rules and firing.fired_at >= start)
    lines = [f"EVENT NIGHT (simulation, seed {story.seed}): what happened, and what rtmd made of it", ""]
    for event in seen:
        lines += _about(event, caught(event, told), start, over=event.ends <= at)
    if len(seen) < len(events):
        lines.append(f"  {_clock(at - start)}  you left; the rest of the night went on without you")
    missed = [event for event in seen if event.real and event.ends <= at and not caught(event, told)]
    real = sum(event.real for event in seen)
    totals = _totals(told, plain, min(at - start, LENGTH))
    return [*lines, "", *totals, *_proposed(proposals), *_missed(missed, real)]


def _about(event: Event, firings: tuple[Firing, ...], start: int, *, over: bool) -> list[str]:
    """What happened, and below it each firing about it."""
    nothing = "stayed silent" if not event.real else "MISSED" if over else "nothing fired yet"
    did = [_did(firing, start) for firing in firings] or [nothing]
    return [
        f"  {_clock(event.begins - start)}  {event.text} ({about(event.labels)})",
        *(f"        {one}" for one in did),
    ]


def _did(firing: Firing, start: int) -> str:
    fired = [record for record in firing.stages if record.fired_at is not None]
    stages = ", ".join(f"{record.name} {_clock((record.fired_at or 0) - start)}" for record in fired)
    verdict = _verdict(firing)
    return f"{stages}: {verdict}" if verdict else stages


def _totals(firings: tuple[Firing, ...], plain: int, lasted: int) -> list[str]:
    verdicts = Counter(verdict for firing in firings if (verdict := _verdict(firing)))
    parts = _counted(verdicts)
    mentions, replies = PLAIN["mentions_total"], PLAIN["replies_total"]
    return [
        f"  plain thresholds (> {mentions:g} posts/s, > {replies:g} bad replies/s) would have rung {_times(plain)}",
        f"  rtmd alerted {_times(len(firings))} in {_clock(lasted)} minutes" + (f": {parts}" if parts else ""),
    ]


def _proposed(states: Counter[str]) -> list[str]:
    if not states:
        return []
    waited = f"{states.total()} proposal{'s' if states.total() > 1 else ''} waited for a person"
    return [f"  {waited}: {_counted(states)}"]


def _counted(words: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(words.items()))


def _missed(missed: list[Event], real: int) -> list[str]:
    return [f"  missed: {len(missed)} of {real}", *(f"    {event.text} ({about(event.labels)})" for event in missed)]


def _times(count: int) -> str:
    return f"{count} time" if count == 1 else f"{count} times"


def _verdict(firing: Firing) -> str:
    """One word for the whole firing: the best of its stages' outcomes."""
    outcomes = {record.outcome for record in _judged(firing)}
    order = (Outcome.CONFIRMED, Outcome.HANDLED, Outcome.SUSTAINED, Outcome.FALSE_START)
    return next((str(outcome) for outcome in order if outcome in outcomes), "")


def _judged(firing: Firing) -> Iterable[StageRecord]:
    return (record for record in firing.stages if record.outcome is not None)


def _clock(since: int) -> str:
    minutes, seconds = divmod(max(0, since) // 1000, 60)
    return f"{minutes}:{seconds:02}"
