"""A message in words, ready to be laid out: title, notes, and for each alert its lead, facts, evidence and links.

Formats decide what goes where; the words are made here, once for all of them. Whatever comes from outside passes
`display.safe`, and every text passes the `escape` of the format, so that a layout has nothing left to escape but
addresses. Those are http or https, or left out: a link may not do anything else.

Operators may bring a title and a text of their own, as templates over the documented body. One that fails is
replaced by the words made here, and counted: its message is never lost.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from rtmd.config import Wording
from rtmd.config.template import Escape, Template, TemplateProblem
from rtmd.model.display import safe
from rtmd.model.firing import Exemplar, Firing
from rtmd.model.reaction import Alert, Digest, Notification, NotifyReason, StormPhase, Told
from rtmd.model.rule import Kind
from rtmd.receivers.fit import clip
from rtmd.receivers.words import WORDS, Words, figure, lead, length, moment, threshold

EXEMPLARS = 3
MARKS = 3

_TITLE = 250  # characters of a firing's title
_FACT = 500
_NAME = 128
_QUOTE = 280
_URL = 2_000

_log = logging.getLogger(__name__)


class Quote(msgspec.Struct, frozen=True):
    """A piece of evidence: what it says, and who with which reach."""

    text: str
    by: str
    url: str  # http or https; empty otherwise


class Part(msgspec.Struct, frozen=True):
    """What is said of one alert; `command` is what to type to take it, empty when there is nothing to take."""

    lead: str  # empty when there is nothing to say
    facts: tuple[tuple[str, str], ...]
    quotes: tuple[Quote, ...]
    links: tuple[tuple[str, str], ...]  # name, http(s) address
    command: str


class Said(msgspec.Struct, frozen=True):
    """A message in words. `text` is what the operator's template made of it; it takes the place of the parts."""

    title: str
    notes: tuple[str, ...]
    parts: tuple[Part, ...]
    take: str  # the name of `command`
    colon: str
    text: str | None = None

    def plain(self) -> str:
        """All of it, as lines."""
        blocks = list(self.notes)
        for part in () if self.text is not None else self.parts:
            blocks += [part.lead, "\n".join(f"{name}{self.colon}{value}" for name, value in part.facts)]
            blocks += ["\n".join(filter(None, (quote.text, quote.by, quote.url))) for quote in part.quotes]
            blocks.append("\n".join(f"{name}{self.colon}{url}" for name, url in part.links))
            blocks.append(f"{self.take}{self.colon}{part.command}" if part.command else "")
        return "\n\n".join(filter(None, (*blocks, self.text)))


class Voice:
    """Speaks as one receiver is configured to; `failures` counts templates that failed, by receiver."""

    def __init__(self, receiver: str, wording: Wording, failures: Counter[str]) -> None:
        self._receiver = receiver
        self._wording = wording
        self._words = WORDS[wording.lang]
        self._failures = failures

    def __repr__(self) -> str:
        return f"<Voice of {self._receiver}: {self._wording.lang}>"

    def say(self, message: Notification, body: bytes, escape: Escape) -> Said:
        """The message in words; `body` is the documented JSON, for templates."""
        words = self._words
        title, text = self._templates(body, escape)
        return Said(
            title=" ".join(title.split()) if title and title.strip() else escape(self._title(message)),
            notes=tuple(map(escape, self._notes(message))),
            parts=tuple(self._part(message, alert, escape) for alert in message.alerts),
            take=escape(words.take),
            colon=words.colon,
            text=text,
        )

    def _title(self, message: Notification) -> str:
        words, first = self._words, message.alerts[0]
        if message.test:
            return words.test.format(safe(first.firing.title, _TITLE))
        if message.digest is not None:
            return self._counted(words.storms[message.digest.phase], message, message.digest)
        more = len(message.alerts) - 1
        return headline(first, words) + (words.more.format(more) if more else "")

    def _templates(self, body: bytes, escape: Escape) -> tuple[str | None, str | None]:
        title, text = self._wording.title, self._wording.text
        if title is None and text is None:
            return None, None
        values: dict[str, Any] = msgspec.json.decode(body)
        return self._rendered("title", title, values, escape), self._rendered("text", text, values, escape)

    def _rendered(self, key: str, template: Template | None, values: Mapping[str, Any], escape: Escape) -> str | None:
        if template is None:
            return None
        try:
            return template.render(values, lambda value: escape(safe(value, _URL)))
        except TemplateProblem as problem:
            self._failures[self._receiver] += 1
            place = f", line {problem.line}" if problem.line else ""
            _log.warning("%s of receiver %s failed%s: %s", key, self._receiver, place, safe(str(problem)))
            return None

    def _notes(self, message: Notification) -> Iterator[str]:
        if message.test:
            yield self._words.test_lead
        if message.instead_of:
            meant_for, because = safe(message.instead_of, 100), safe(message.because, _FACT)
            yield self._words.fallback.format(receiver=meant_for, reason=because)
        if message.standing:
            yield self._words.standing.format(len(message.standing))
        if message.digest is not None:
            yield from self._tally(message, message.digest)

    def _tally(self, message: Notification, digest: Digest) -> Iterator[str]:
        words = self._words
        yield self._counted(words.tally if digest.phase is not None else words.storms[None], message, digest)
        yield words.first.format(safe(digest.first, _NAME))
        yield words.most.format(", ".join(f"{safe(rule, _NAME)} {count}" for rule, count in digest.top))
        if digest.phase in (StormPhase.BEGINS, StormPhase.LASTS):
            yield words.each_minute

    def _counted(self, text: str, message: Notification, digest: Digest) -> str:
        return text.format(
            fired=digest.fired,
            new=digest.new,
            ended=digest.ended,
            firing=digest.firing,
            first=safe(digest.first, _NAME),
            moment=moment(digest.since, message.at, self._wording.zone, self._words),
        )

    def _part(self, message: Notification, alert: Alert, escape: Escape) -> Part:
        firing = alert.firing
        heading = headline(alert, self._words) if len(message.alerts) > 1 or message.digest else ""
        facts = ((name, value) for name, value in self._facts(message, alert) if value)
        evidence = alert.record.evidence if alert.record else None
        exemplars = evidence.exemplars[:EXEMPLARS] if evidence and not alert.resolved else ()
        links = ((safe(name, 60), web_address(url)) for name, url in firing.links)
        return Part(
            lead=escape(
                "\n".join(
                    filter(None, (heading, "" if message.test else self._lead(message, alert), _described(alert)))
                )
            ),
            facts=tuple((escape(name), escape(value)) for name, value in facts),
            quotes=tuple(self._quote(exemplar, escape) for exemplar in exemplars if exemplar.text),
            links=tuple((escape(name), url) for name, url in links if url),
            command="" if alert.resolved or message.test else f"rtmd ack {safe(firing.id, 60)}",
        )

    def _lead(self, message: Notification, alert: Alert) -> str:
        firing, words = alert.firing, self._words
        if alert.resolved:
            return words.resolved_lead.format(length((firing.resolved_at or firing.begun) - firing.begun, words))
        if message.reason is NotifyReason.SILENCE_ENDS:
            return words.ending_lead
        if message.reason is NotifyReason.ESCALATION:
            return words.escalated_lead
        match alert.told:
            case Told.STILL_FIRING if message.reason is not NotifyReason.REPEAT:
                return words.still_lead
            case Told.FLAPPING:
                return words.flapping_lead
        return lead(firing.kind, firing.stage, words)

    def _facts(self, message: Notification, alert: Alert) -> Iterator[tuple[str, str]]:
        firing, words = alert.firing, self._words
        yield (words.peak if alert.resolved else words.value), self._value(alert)
        starved = firing.kind is Kind.NO_DATA
        since = moment(firing.begun, message.at, self._wording.zone, words)
        lasted = length((firing.resolved_at or message.at) - firing.begun, words)
        yield (words.no_data if starved else words.since), words.lasted.format(moment=since, length=lasted)
        if not alert.resolved:
            yield from self._marks(firing)
        labels = (pair for pair in firing.labels if pair != ("alertname", firing.rule))
        yield words.where, safe(", ".join(f"{name}={value}" for name, value in labels), _FACT)
        yield words.stage, f"{words.stages[firing.stage]} ({words.severities[firing.severity]})"
        judged = [record for record in firing.stages if record.outcome]
        yield (
            words.so_far,
            ", ".join(f"{words.stages[e.name]} {words.outcomes[e.outcome]}" for e in judged if e.outcome),
        )
        yield words.who, self._who(message, alert)
        yield words.ran, ", ".join(f"{safe(run.action, 60)} ({words.runs[run.state]})" for run in alert.runs[:10])

    def _marks(self, firing: Firing) -> Iterator[tuple[str, str]]:
        """What was reported closest to when it began: perhaps that is why."""
        words = self._words
        near = sorted(firing.marks, key=lambda mark: abs(mark.time - firing.begun))[:MARKS]
        for mark in sorted(near, key=lambda mark: mark.time):
            ago = firing.begun - mark.time
            when = words.before if ago >= 0 else words.after
            yield when.format(kind=words.marks[mark.kind], length=length(abs(ago), words)), safe(mark.text, _FACT)

    def _value(self, alert: Alert) -> str:
        firing, record, words = alert.firing, alert.record, self._words
        value = None if record is None else record.peak if alert.resolved else record.value
        if value is None:
            return ""
        shown = f"{figure(value, words)} {safe(firing.unit, 60)}".rstrip()
        if not firing.threshold:
            return shown
        return words.threshold.format(value=shown, threshold=threshold(safe(firing.threshold, 100), words))

    def _who(self, message: Notification, alert: Alert) -> str:
        ack, words = alert.firing.ack, self._words
        if alert.resolved or message.test:
            return safe(ack.by, 100) if ack else ""
        if ack is None or ack.until <= message.at:
            return words.nobody
        until = moment(ack.until, message.at, self._wording.zone, words)
        return words.until.format(who=safe(ack.by, 100), moment=until)

    def _quote(self, exemplar: Exemplar, escape: Escape) -> Quote:
        reach = self._words.reach.format(figure(exemplar.reach, self._words)) if exemplar.reach else ""
        by = ", ".join(filter(None, (safe(exemplar.author, 100), reach)))
        return Quote(escape(f"“{safe(exemplar.text, _QUOTE)}”"), escape(by), web_address(exemplar.url))


def _described(alert: Alert) -> str:
    """What others say of an alert that they raised, beside its title."""
    said = dict(alert.firing.origin.annotations) if alert.firing.origin else {}
    text = said.get("description") or said.get("message") or ""
    return "" if alert.resolved else clip("\n".join(safe(line, _FACT) for line in text.splitlines()), 2 * _FACT)


def headline(alert: Alert, words: Words) -> str:
    """One line: what is wanted, and of what."""
    firing = alert.firing
    title = safe(firing.title, _TITLE)
    match alert.told:
        case Told.RESOLVED:
            return words.resolved.format(title)
        case Told.STILL_FIRING:
            return words.still.format(title)
        case Told.FLAPPING:
            return words.flapping.format(title)
    wanted = words.titles[firing.stage].format(title)
    if alert.told is Told.RAISED:
        return words.raised.format(stage=words.stages[firing.stage], title=wanted)
    return wanted


def web_address(url: str) -> str:
    """An http or https address with nothing in it that could end it early, mention or mislead, or nothing."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        quoted = quote(url.strip(), safe="%/:=&?~#+!$,;", encoding="utf-8", errors="replace")
    except ValueError:
        return ""
    return quoted if usable and len(quoted) <= _URL else ""
