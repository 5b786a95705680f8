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
from rtmd.replay.story import LENGTH, PLAIN, Event, about

_GRACE = 15_000  # ms after an event's end in which a firing about it still counts: long windows look back

# From which second on which hint is shown. The times follow the story's curves.
_HINTS: tuple[tuple[float, str], ...] = (
    (0, "a simulated match night with three invented brands: the first alert comes within ten seconds"),
    (7, "a burst about fizz: press ⏎ to see why it fired, and who wrote all those posts"),
    (16, "nobody was called: the 30 s window has not confirmed it; press s ⏎ to silence it anyway"),
    (31, "the lights went out: biscuit's chance. press a to acknowledge: now everybody sees that you have it"),
    (44, "it lasts: the minutes stage confirms it and drafts a reply; fizz turned out a false start"),
    (62, "too many alerts for you? edit {rules}: above = 12 → 30, save, and watch the seconds stage"),
    (73, "a joke at the wrong moment: the outgoing queue is held at once, and released when the wave is over"),
    (87, "volt's numbers jitter: a plain threshold would ring every few seconds, this screen stays quiet"),
    (100, "volt's jitter goes on and still nothing rings; meanwhile the replies to volt turn sour"),
    (118, "the share of negative replies to volt is a risk, judged over 30 s; press ⏎ for the evidence"),
    (132, "hours stage (90 s here): the black-out is no blip; a brief would go out now"),
    (150, "things calm down: firings resolve by themselves once their clear level holds"),
    (172, "almost over: the card with the night's figures comes next; q leaves"),
)


def coach(since: int, rules: str = "shipped/demo/rules/event-night.toml") -> str:
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


def card(*, events: tuple[Event, ...], plain: int, firings: tuple[Firing, ...], start: int, seed: int) -> list[str]:
    """The end card, at most 100 columns wide.

    `plain` is what `story.plain_alerts` counted; `firings` may hold those of other rules (the host's), which are
    left out; `start` is the engine time at which the story began.
    """
    rules = {event.rule for event in events}
    told = tuple(firing for firing in firings if firing.rule in rules and firing.fired_at >= start)
    missed = [event for event in events if event.real and not caught(event, told)]
    lines = [f"EVENT NIGHT (simulation, seed {seed}): what happened, and what rtmd made of it", ""]
    lines += [_line(event, caught(event, told), start) for event in events]
    lines += ["", *_totals(told, plain, missed, sum(event.real for event in events))]
    return lines


def _line(event: Event, firings: tuple[Firing, ...], start: int) -> str:
    did = "; ".join(_did(firing, start) for firing in firings)
    if not did:
        did = "MISSED" if event.real else "stayed silent"
    return f"  {_clock(event.begins - start)}  {about(event.labels):<18} {event.text:<27} {did}"


def _did(firing: Firing, start: int) -> str:
    fired = [record for record in firing.stages if record.fired_at is not None]
    stages = ", ".join(f"{record.name} {_clock((record.fired_at or 0) - start)}" for record in fired)
    verdict = _verdict(firing)
    return f"{stages}: {verdict}" if verdict else stages


def _totals(firings: tuple[Firing, ...], plain: int, missed: list[Event], real: int) -> list[str]:
    verdicts = Counter(verdict for firing in firings if (verdict := _verdict(firing)))
    parts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    mentions, replies = PLAIN["mentions_total"], PLAIN["replies_total"]
    lines = [
        f"  plain thresholds (> {mentions:g} posts/s, > {replies:g} bad replies/s) would have alerted {plain} times",
        f"  rtmd alerted {len(firings)} times in {LENGTH // 60_000} minutes" + (f": {parts}" if parts else ""),
        f"  missed: {len(missed)} of {real}",
    ]
    return lines + [f"    {event.text} ({about(event.labels)})" for event in missed]


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
