"""`[route]`, `[calendars]`, `[[inhibit]]` and `[escalations]` of rtmd.toml to a `Policy`, every mistake at its place.

What a route does not say it has from the one above; that is worked in here, so that nobody else needs to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from rtmd.alerting.calendar import jumps, knows_zone
from rtmd.errors import MatcherError
from rtmd.matching import is_wildcard, parse_matcher
from rtmd.model.calendar import DAY_MINUTES, Calendar, Span
from rtmd.model.matcher import Matcher
from rtmd.model.policy import EscalationStep, Inhibition, Policy, Route
from rtmd.model.replace import replace
from rtmd.rulefile.table import Table, nearest

_ROUTE = frozenset({
    "receiver", "match", "group_by", "group_wait", "group_interval", "repeat_interval", "mute", "active", "continue",
    "resolved_through_silence", "routes",
})  # fmt: skip
_CALENDAR = frozenset({"zone", "times", "weekdays", "days", "months", "years"})
_INHIBIT = frozenset({"name", "source", "target", "equal"})
_EVERY_LABEL = "..."

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")
_NUMBERS = re.compile(r"(-?[0-9]{1,4})(?::(-?[0-9]{1,4}))?")


def load_policy(root: Table, receivers: Collection[str]) -> Policy:
    """The policy of a configuration; problems are recorded."""
    calendars = {name: _calendar(name, table) for name, table in root.tables("calendars")}
    tree = root.table("route") or Table(root.document, ("route",), root.problems, content={})
    return Policy(
        route=_Routes(receivers, calendars).read(tree, Route("route", "log")),
        calendars=calendars,
        inhibitions=tuple(_inhibition(table) for table in root.list_of_tables("inhibit")),
        escalations={name: _escalation(table, receivers) for name, table in root.tables("escalations")},
    )


def _escalation(table: Table, receivers: Collection[str]) -> tuple[EscalationStep, ...]:
    table.refuse_unknown({"steps"})
    steps: list[EscalationStep] = []
    for each in table.list_of_tables("steps"):
        each.refuse_unknown({"after", "notify"})
        for name in each.texts("notify") or ():
            if name not in receivers:
                each.wrong("notify", f'names "{name[:60]}", which does not exist{nearest(name, receivers)}')
        if not each.texts("notify"):
            each.broken("notify is missing: who is to be told")
        after = each.duration("after", 0, least=1_000)
        if "after" not in each:
            each.broken("after is missing: how long nobody has had it by then")
        elif steps and after <= steps[-1].after:
            each.wrong("after", "must be longer than that of the step before")
        steps.append(EscalationStep(after, each.texts("notify") or ()))
    if not steps:
        table.broken("steps is missing: who is told, and after how long")
    return tuple(steps)


def clock_changes(policy: Policy, year: int) -> list[str]:
    """Warnings: calendars whose times some night of that year has twice, or not at all."""
    return [
        f"calendars.{name}: in {calendar.zone} the clocks change within its times on {' and '.join(days)}"
        for name, calendar in sorted(policy.calendars.items())
        if (days := jumps(calendar, year))
    ]


class _Routes:
    """Reads the tree; receivers and calendars are known by name."""

    def __init__(self, receivers: Collection[str], calendars: Mapping[str, Calendar]) -> None:
        self._receivers = receivers
        self._calendars = calendars

    def read(self, table: Table, above: Route, *, root: bool = True) -> Route:
        """The route of a table, with what it inherits."""
        table.refuse_unknown(_ROUTE)
        if root:
            for key in sorted({"match", "continue"} & set(table.content)):
                table.misplaced(key, "has no place in the root of the tree, which takes everything")
        route = replace(
            above,
            receiver=self._receiver(table, above.receiver),
            matchers=matchers(table, "match"),
            group_by=_group_by(table, above.group_by),
            wait=_duration(table, "group_wait", above.wait, least=0),
            interval=_duration(table, "group_interval", above.interval, least=1_000),
            repeat=_duration(table, "repeat_interval", above.repeat, least=1_000),
            mute=self._named(table, "mute", above.mute),
            active=self._named(table, "active", above.active),
            resolved_through_silence=table.flag("resolved_through_silence", default=above.resolved_through_silence),
            goes_on=table.flag("continue", default=False),
        )
        below = enumerate(table.list_of_tables("routes"))
        children = (self.read(each, replace(route, id=f"{route.id}.{n}"), root=False) for n, each in below)
        return replace(route, routes=tuple(children))

    def _receiver(self, table: Table, default: str) -> str:
        name = table.text("receiver", default, empty=False)
        if name not in self._receivers:
            table.wrong("receiver", f'names "{name[:60]}", which does not exist{nearest(name, self._receivers)}')
            return default
        return name

    def _named(self, table: Table, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        names = table.texts(key)
        if names is None:
            return default
        for name in names:
            if name not in self._calendars:
                near = nearest(name, self._calendars)
                table.wrong(key, f'names the calendar "{name[:60]}", which does not exist{near}')
        return tuple(name for name in names if name in self._calendars)


def matchers(table: Table, key: str) -> tuple[Matcher, ...]:
    """A list of matchers like `severity="critical"`, all of which must hold."""
    found = []
    for text in table.texts(key) or ():
        try:
            found.append(parse_matcher(text))
        except MatcherError as error:
            table.wrong(key, f"has a matcher that cannot be read: {error}")
    return tuple(found)


def _inhibition(table: Table) -> Inhibition:
    table.refuse_unknown(_INHIBIT)
    sides = {key: matchers(table, key) for key in ("source", "target")}
    for key, side in sides.items():
        if key not in table:
            table.broken(f'{key} is missing: a list of matchers like ["severity=\\"critical\\""]')
        elif side and all(map(is_wildcard, side)):
            table.wrong(key, "matches everything: at least one matcher must not match the empty string")
        elif not side:
            table.wrong(key, "must have a matcher")
    name = table.text("name", f"inhibit {table.path[-1]}", empty=False)
    return Inhibition(name, sides["source"], sides["target"], table.texts("equal") or ())


def _group_by(table: Table, default: tuple[str, ...] | None) -> tuple[str, ...] | None:
    names = table.texts("group_by")
    if names is None:
        return default
    return None if _EVERY_LABEL in names else names


def _duration(table: Table, key: str, default: int | None, *, least: int) -> int | None:
    return table.duration(key, 0, least=least) if key in table else default


# -- calendars


def _calendar(name: str, table: Table) -> Calendar:
    table.refuse_unknown(_CALENDAR)
    zone = table.text("zone", "UTC", empty=False)
    if not knows_zone(zone):
        table.wrong("zone", f'"{zone[:60]}" is no time zone that this machine knows: write it like "Europe/Paris"')
        zone = "UTC"
    return Calendar(
        name,
        zone,
        times=_spans(table, "times", _times, "09:00-18:00"),
        weekdays=_spans(table, "weekdays", lambda text: _names(text, _WEEKDAYS, 0), "mon-fri"),
        days=_spans(table, "days", _days, "1:5 or -1"),
        months=_spans(table, "months", lambda text: _names(text, _MONTHS, 1), "jun-aug"),
        years=_spans(table, "years", _years, "2026 or 2026:2028"),
    )


def _spans(table: Table, key: str, read: Callable[[str], list[Span]], example: str) -> tuple[Span, ...]:
    found: list[Span] = []
    for text in table.texts(key) or ():
        spans = read(text.strip().lower())
        if not spans:
            table.wrong(key, f'has "{text[:40]}", which cannot be read: write it like {example}')
        found += spans
    return tuple(found)


def _times(text: str) -> list[Span]:
    """`09:00-18:00`, half-open; one that ends before it begins goes over midnight."""
    first, _, last = text.partition("-")
    found = [_TIME.fullmatch(each.strip()) for each in (first, last)]
    minutes = [int(each[1]) * 60 + int(each[2]) for each in found if each]
    if len(minutes) < 2 or max(minutes) > DAY_MINUTES or minutes[0] in (minutes[1], DAY_MINUTES):
        return []
    begin, end = minutes
    if begin < end:
        return [Span(begin, end)]
    return [Span(begin, DAY_MINUTES), *([Span(0, end)] if end else [])]


def _names(text: str, names: tuple[str, ...], base: int) -> list[Span]:
    """`mon-fri`, `sat`; one that ends before it begins goes round."""
    first, dash, last = text.partition("-")
    try:
        begin = names.index(first.strip()[:3])
        end = names.index(last.strip()[:3]) if dash else begin
    except ValueError:
        return []
    if begin <= end:
        return [Span(base + begin, base + end)]
    return [Span(base + begin, base + len(names) - 1), Span(base, base + end)]


def _days(text: str) -> list[Span]:
    """`1:5`, `-1`, `-3:-1`, `15:-1`."""
    found = _NUMBERS.fullmatch(text)
    if not found:
        return []
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    if not all(1 <= abs(day) <= 31 for day in (first, last)) or ((first > 0) is (last > 0) and first > last):
        return []
    return [Span(first, last)]


def _years(text: str) -> list[Span]:
    found = _NUMBERS.fullmatch(text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    return [Span(first, last)] if 0 < first <= last else []
