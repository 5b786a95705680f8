"""What happened to a firing, step by step, and why somebody was told or was not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, tzinfo
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from rtmd.cli import output
from rtmd.cli.client import Client
from rtmd.cli.operate import remote
from rtmd.cli.target import find_target
from rtmd.model.display import safe
from rtmd.wire.explain import EntryView, ExplainView

_KIND = 11  # columns


class ZoneType(click.ParamType[tzinfo]):
    """A time zone by its IANA name."""

    name = "zone"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tzinfo:
        """The zone; usage error otherwise."""
        try:
            return ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f'"{safe(str(value), 60)}" is no time zone: name it like Europe/Paris', param, ctx)


@click.command()
@click.argument("firing", metavar="FIRING")
@click.option("--receiver", default="", metavar="NAME", help="What concerned NAME: why it was told, or was not.")
@click.option("--zone", type=ZoneType(), default=None, help="Time zone (default: this machine's).")
@remote
def explain(*, firing: str, receiver: str, zone: tzinfo | None, connect: str | None, as_json: bool) -> None:
    """The story of FIRING: what it saw, whom it told, what held that back, what people did."""
    with closing(Client(find_target(connect))) as client:
        asked = {"receiver": receiver} if receiver else {}
        found = client.get(f"/api/rtmd/v1/explain/{firing}", ExplainView, asked)
    output.either(found, as_json=as_json, shown=partial(_print, found, zone))


def _print(found: ExplainView, zone: tzinfo | None) -> None:
    firing = found.firing
    click.echo(f"{safe(firing.title)}  {safe(firing.rule)} {safe(output.show_labels(firing.labels))}".rstrip())
    state = f"{firing.state} at {firing.stage}, {firing.severity}"
    click.echo(f"{state}. Times are {_moment(found.at, zone):%Z, UTC%z}.")
    for line in _lines(found, zone):
        click.echo(line)


def _lines(found: ExplainView, zone: tzinfo | None) -> Iterator[str]:
    yield from ["", "The oldest lines are left out."] if found.truncated else []
    day = ""
    for entry in found.entries:
        when = _moment(entry.at, zone)
        if f"{when:%Y-%m-%d}" != day:
            day = f"{when:%Y-%m-%d}"
            yield from ["", f"{when:%A}, {day}"]
        yield from _entry(entry, f"{when:%H:%M:%S}")
    if found.now:
        yield from ["", f"Now, {_moment(found.at, zone):%H:%M:%S}"]
        for standing in found.now:
            told = standing.sentence(lambda wall: f"{_moment(wall, zone):%H:%M:%S}")
            yield f"  {safe(standing.receiver)}: {safe(told)}"


def _entry(entry: EntryView, when: str) -> Iterator[str]:
    yield f"{when}  {safe(entry.kind, _KIND):<{_KIND}} {safe(entry.text)}"
    for more in entry.more:
        yield " " * (len(when) + 2 + _KIND + 2) + safe(more)


def _moment(wall: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(wall // 1000, zone).astimezone(zone)
