"""Reporting what happened, and what was reported."""

from __future__ import annotations

from contextlib import closing
from functools import partial

import click

from rtmd.cli import output
from rtmd.cli.client import Client
from rtmd.cli.operate import DURATION, remote
from rtmd.cli.target import find_target
from rtmd.model.mark import MarkKind
from rtmd.wire import Done, StatusView
from rtmd.wire.marks import MarkRequest, MarkView


@click.command()
@click.argument("text")
@click.argument("pairs", nargs=-1, metavar="[kind=KIND] [LABEL=VALUE]...")
@click.option("--ago", type=DURATION, default=None, help="It happened so long ago (default: now).")
@remote
def mark(*, text: str, pairs: tuple[str, ...], ago: int | None, connect: str | None, as_json: bool) -> None:
    """Report that something happened: TEXT, a KIND (post, deploy or event), and what it is about.

    rtmd mark "v2.3 is live" kind=deploy service=checkout
    """
    labels = dict(_pair(each) for each in pairs)
    kind = labels.pop("kind", str(MarkKind.EVENT))
    with closing(Client(find_target(connect))) as daemon:
        wall = daemon.get("/api/rtmd/v1/status", StatusView).wall if ago else 0
        request = MarkRequest(text=text, kind=kind, labels=labels, time=wall - ago if ago else 0)
        done = daemon.post("/api/rtmd/v1/mark", request, Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, done.id))


@click.command()
@click.option("--since", type=DURATION, default="1d", help="How far back (default: 1d; they are kept for 7d).")
@click.option("--kind", type=click.Choice([str(kind) for kind in MarkKind]), default=None, help="Those of one kind.")
@remote
def marks(*, since: int, kind: str | None, connect: str | None, as_json: bool) -> None:
    """What was reported lately, newest last."""
    with closing(Client(find_target(connect))) as daemon:
        wall = daemon.get("/api/rtmd/v1/status", StatusView).wall
        found = daemon.get("/api/rtmd/v1/marks", list[MarkView], {"since": str(max(0, wall - since))})
    shown = [each for each in found if kind in (None, each.kind)]
    output.either(shown, as_json=as_json, shown=partial(_print, shown))


def _print(found: list[MarkView]) -> None:
    rows = [
        (output.moment(each.time), each.kind, each.text, output.show_labels(each.labels), each.by) for each in found
    ]
    output.print_table(("TIME", "KIND", "TEXT", "LABELS", "BY"), rows, "Nothing was reported.")


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f'"{text}" is no label: write it like brand=acme (and quote a text of several words)')
    return name, value
