"""How the verbs print: aligned plain tables for people, JSON for programs.

Every string from outside goes through `display.safe` here, cell by cell; JSON is left as it is, because its
escapes act on nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import click
import msgspec

from rtmd.cli.client import InstantData
from rtmd.model.display import age, number, safe
from rtmd.wire import FiringView, StatusView
from rtmd.wire.deliveries import OutboxView, ReceiverView
from rtmd.wire.rules import ReloadView, RuleView
from rtmd.wire.silences import SilencePreview, SilenceView
from rtmd.wire.watchers import WatcherView

Row = Sequence[str]


def print_json(answer: object) -> None:
    """One JSON document."""
    click.echo(_inert_json(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()))


def json_line(answer: object) -> str:
    """One JSON document on one line, for streams of them."""
    return _inert_json(msgspec.json.encode(answer).decode())


def _inert_json(plain: str) -> str:
    """DEL, C1 controls and directional marks are legal in JSON text; a terminal would still act on them."""
    return "".join(character if _inert(character) else _escaped(character) for character in plain)


def _inert(character: str) -> bool:
    return character == "\n" or " " <= character <= "~" or safe(character) == character


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def print_table(header: Row, rows: Sequence[Row], empty: str) -> None:
    """Columns as wide as their widest cell; `empty` says what it means that there are no rows."""
    if not rows:
        click.echo(empty)
        return
    cells = [list(header), *([safe(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = [cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def _width(text: str) -> int:
    """Columns of a terminal: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def print_firings(firings: Sequence[FiringView], at: int) -> None:
    """The open firings, newest first."""
    ordered = sorted(firings, key=lambda firing: (-firing.fired_at, firing.id))
    print_table(_FIRING, [_firing(firing, at) for firing in ordered], "Nothing fires.")


_FIRING = ("ID", "SEVERITY", "STAGE", "STATE", "AGE", "VALUE", "THRESHOLD", "WHO", "TITLE", "LABELS")


def _firing(firing: FiringView, at: int) -> Row:
    muted = "silenced" if firing.silenced_by else f"inhibited by {firing.inhibitor}" if firing.inhibited_by else "-"
    who = firing.ack.by if firing.ack else muted
    value = f"{number(firing.value)} {firing.unit}".strip()
    since = age((firing.resolved_at or at) - firing.fired_at)
    flags = [firing.state, *firing.flags, *(f"part of {each.rule}" for each in firing.part_of)]
    state = (firing.severity, firing.stage, " ".join(flags), since)
    return (
        firing.id,
        *state,
        value,
        firing.threshold or _members(firing),
        who,
        firing.title,
        show_labels(firing.labels),
    )


def _members(firing: FiringView) -> str:
    """The rules that meet in one of a correlation."""
    return " + ".join(dict.fromkeys(member.rule for member in firing.members))


def show_labels(labels: dict[str, str]) -> str:
    """`a=1 b="two words"`: short, and still unambiguous."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in sorted(labels.items()))


def _quoted(value: str) -> str:
    plain = value and not any(character in ' "=\\' for character in value)
    return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def print_silences(silences: Sequence[SilenceView], wall: int, *, forgotten: bool = False) -> None:
    """Silences, the first to end on top; `forgotten` says why nobody seems to remember them."""
    header = ("ID", "STATE", "ENDS", "BY", "MATCHES", "SUPPRESSED", "MATCHERS", "COMMENT")
    ordered = sorted(silences, key=lambda silence: (silence.ends_at, silence.id))
    rows = [_silence(silence, wall) for silence in ordered]
    if forgotten:
        why = [(*row, "; ".join(silence.forgotten)) for row, silence in zip(rows, ordered, strict=True)]
        print_table((*header, "FORGOTTEN"), why, "No silence is forgotten.")
    else:
        print_table(header, rows, "No silences.")


def _silence(silence: SilenceView, wall: int) -> Row:
    ends = moment(silence.ends_at) if silence.state == "expired" else f"in {age(silence.ends_at - wall)}"
    if silence.state != "expired" and silence.lift == "resolved":
        ends = f"when resolved, {ends} at the latest"
    state = f"{silence.state} (ends soon)" if silence.ending else silence.state
    counts = (str(silence.matches_now), str(silence.suppressed))
    return (silence.id, state, ends, silence.created_by, *counts, ", ".join(silence.matchers), silence.comment)


def print_preview(preview: SilencePreview) -> None:
    """What a silence would hide."""
    lasts = f"for {age(preview.ends_at - preview.starts_at)}"
    until = f"until all of that has resolved, at most {lasts}" if preview.lift == "resolved" else lasts
    hits = f"matches {preview.matches} of {preview.of} open firings"
    critical = f", hides {preview.critical} critical at hours" if preview.critical else ""
    click.echo(f"{safe(', '.join(preview.matchers))} {hits}{critical}; {until}.")


def print_rules(rules: Sequence[RuleView]) -> None:
    """Rules by name."""
    header = ("RULE", "STATE", "KIND", "STAGES", "FIRING", "PENDING", "INSTANCES", "PLACE")
    rows = [
        (
            rule.name,
            _rule_state(rule),
            rule.kind,
            ",".join(rule.stages) or " + ".join(rule.joins),
            str(rule.firing),
            str(rule.pending),
            str(rule.instances),
            f"{rule.file}:{rule.line}" if rule.line else rule.file,
        )
        for rule in rules
    ]
    print_table(header, rows, "No rules are loaded.")


def _rule_state(rule: RuleView) -> str:
    found = (
        (not rule.enabled, "off"),
        (rule.shadow, "shadow"),
        (rule.problems, "error"),
        (rule.refused, "full"),
        (rule.unfed_since is not None or rule.unfed, "no data"),
        (rule.rejudging, "rejudging"),
    )
    return ", ".join(word for holds, word in found if holds) or "on"


def print_reload(reload: ReloadView) -> None:
    """What the latest reload did."""
    if reload.wall:
        click.echo(f"Rules in force as of {moment(reload.wall)}: {safe(reload.summary)}.")
    else:
        click.echo("Nothing has changed since the start.")


def print_receivers(receivers: Sequence[ReceiverView]) -> None:
    """Receivers by name."""
    header = ("RECEIVER", "KIND", "CIRCUIT", "WAITING", "DEAD", "FALLBACK", "TROUBLE")
    rows = [
        (
            each.name,
            each.kind or "(gone)",
            each.circuit,
            str(each.waiting),
            str(each.dead_letters),
            each.fallback or "-",
            each.trouble,
        )
        for each in receivers
    ]
    print_table(header, rows, "No receivers.")


def print_outbox(outbox: OutboxView, wall: int) -> None:
    """What waits and what was given up."""
    header = ("KEY", "RECEIVER", "STATE", "AGE", "ATTEMPTS", "SUMMARY", "ERROR")
    waiting = [(letter, f"in {age(letter.due - wall)}" if letter.due else "waiting") for letter in outbox.waiting]
    letters = [*waiting, *((letter, "dead") for letter in outbox.dead)]
    rows = [
        (each.key, each.receiver, state, age(wall - each.at), str(each.attempts), each.summary, each.error)
        for each, state in letters
    ]
    print_table(header, rows, "Nothing waits, and nothing was given up.")


class _InstantRow(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: tuple[float, str]


class _RangeRow(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    values: list[tuple[float, str]]


def print_instant(found: InstantData) -> None:
    """The result of a query, one series a line, values as the daemon wrote them."""
    if found.kind in {"scalar", "string"}:
        click.echo(safe(msgspec.json.decode(found.result, type=tuple[float, str])[1]))
        return
    if found.kind == "matrix":
        curves = msgspec.json.decode(found.result, type=list[_RangeRow])
        points = [(f"{at:.3f}", value, show_labels(curve.metric)) for curve in curves for at, value in curve.values]
        print_table(("TIME", "VALUE", "LABELS"), points, "No result.")
        return
    rows = msgspec.json.decode(found.result, type=list[_InstantRow])
    print_table(("VALUE", "LABELS"), [(row.value[1], show_labels(row.metric)) for row in rows], "No result.")


def print_status(status: StatusView) -> None:
    """The header of the screen, in lines."""
    rows: list[Row] = [
        ("version", status.version),
        ("up", age(status.wall - status.started_at)),
        ("evaluated", f"{age(status.at - status.evaluated_at)} ago"),
        ("rules", str(status.rules)),
        ("series", str(status.series)),
        ("samples", f"{status.samples} ({number(status.samples_per_second)}/s)"),
        ("firing", f"{status.firing} ({status.pending} pending, {status.silenced} silenced)"),
        ("silences", str(status.silences)),
        ("outbox", f"{status.outbox} waiting, {status.dead_letters} dead letters"),
        ("reactions", "on" if status.react else "OFF: dry run"),
        *(
            (("HELD", f"by {status.hold.by} since {moment(status.hold.at)}: {status.hold.reason}"),)
            if status.hold
            else ()
        ),
        ("correlator", status.correlator),
        *(("watching", _watcher(each, status.wall)) for each in status.watching),
        *((f"dropped {reason}", str(count)) for reason, count in sorted(status.drops.items())),
        *((f"refused alerts of {rule}", str(count)) for rule, count in sorted(status.refusing.items())),
        *((f"failed evaluations of {rule}", str(count)) for rule, count in sorted(status.failures.items())),
        *(("rule error", f"{error.file}:{error.line}: {error.problem}") for error in status.rule_errors),
        *(("notice", notice) for notice in status.notices),
    ]
    print_table(("name", safe(status.name)), rows, "")


def _watcher(watcher: WatcherView, wall: int) -> str:
    return f"{watcher.name} for {age(wall - watcher.since)} ({', '.join(watcher.origins)})"


def moment(wall: int) -> str:
    """A wall time in UTC, as RFC 3339 without fractions."""
    return datetime.fromtimestamp(wall / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def either(answer: object, *, as_json: bool, shown: Callable[[], None]) -> None:
    """JSON where it was asked for, the table otherwise."""
    if as_json:
        print_json(answer)
    else:
        shown()
