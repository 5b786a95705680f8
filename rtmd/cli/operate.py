"""The verbs that talk to a running daemon: look and take; `silences` has those about silences.

Each is one or two requests (`client`) and one way to print (`output`). `--connect` and `--json` work on all.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TypeVar

import click
from click.shell_completion import get_completion_class

from rtmd import __version__
from rtmd.cli import output
from rtmd.cli.client import Client, Instant
from rtmd.cli.target import find_target
from rtmd.model.display import safe
from rtmd.model.duration import parse_duration
from rtmd.wire import AckRequest, Done, FiringView, StatusView
from rtmd.wire.rules import ReloadView, RuleView

Verb = TypeVar("Verb", bound=Callable[..., object])


class DurationType(click.ParamType[int]):
    """`90s`, `15m`, `1h30m`, `2d` as milliseconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The milliseconds; usage error otherwise."""
        try:
            length = parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if length <= 0:
            self.fail("it must be longer than nothing", param, ctx)
        return length


DURATION = DurationType()


def remote(verb: Verb) -> Verb:
    """The options that all verbs share."""
    where = "Socket path or URL of the daemon (default: $RTMD_CONNECT, else its usual socket)."
    verb = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(verb)
    return click.option("--connect", metavar="PATH|URL", default=None, help=where)(verb)


def client_of(connect: str | None) -> closing[Client]:
    """The daemon's line, to be closed after use."""
    return closing(Client(find_target(connect)))


@click.command()
@click.option("--all", "resolved_too", is_flag=True, help="Those resolved lately too.")
@remote
def firings(*, resolved_too: bool, connect: str | None, as_json: bool) -> None:
    """What fires, newest first."""
    with client_of(connect) as client:
        found = client.get("/api/rtmd/v1/firings", list[FiringView])
        at = client.get("/api/rtmd/v1/status", StatusView).at
    shown = [firing for firing in found if resolved_too or firing.resolved_at is None]
    output.either(shown, as_json=as_json, shown=partial(output.print_firings, shown, at))


@click.command()
@click.argument("firing_id", metavar="ID")
@click.option("--for", "length", type=DURATION, default=None, help="How long (default: 15m, 1h or 8h by stage).")
@click.option("--note", default="", help="What you are doing about it.")
@remote
def ack(*, firing_id: str, length: int | None, note: str, connect: str | None, as_json: bool) -> None:
    """Take the firing ID: repeats stop until the ack ends or the firing resolves."""
    request = AckRequest(firing=firing_id, length=length or 0, note=note)
    with client_of(connect) as client:
        done = client.post("/api/rtmd/v1/ack", request, Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, f"You have {safe(firing_id)}."))


@click.command()
@remote
def rules(*, connect: str | None, as_json: bool) -> None:
    """The loaded rules."""
    with client_of(connect) as client:
        found = client.get("/api/rtmd/v1/rules", list[RuleView])
    output.either(found, as_json=as_json, shown=partial(output.print_rules, found))


@click.command()
@click.option("--confirm", is_flag=True, help="Let firing rules vanish, however many.")
@remote
def reload(*, confirm: bool, connect: str | None, as_json: bool) -> None:
    """Read rules and rtmd.toml again, now; saved files are taken up without being asked."""
    with client_of(connect) as client:
        client.post(f"/-/reload?confirm={str(confirm).lower()}", None, Done)
        found = client.get("/api/rtmd/v1/rules/reload", ReloadView)
    output.either(found, as_json=as_json, shown=partial(output.print_reload, found))


@click.command()
@remote
def status(*, connect: str | None, as_json: bool) -> None:
    """Is it alive, and what is it doing?"""
    with client_of(connect) as client:
        found = client.get("/api/rtmd/v1/status", StatusView)
    output.either(found, as_json=as_json, shown=partial(output.print_status, found))


@click.command("eval")
@click.argument("expression")
@click.option("--time", "at", default="", help="When: seconds since the epoch or RFC 3339 (default: now).")
@remote
def evaluate(*, expression: str, at: str, connect: str | None, as_json: bool) -> None:
    """Evaluate the PromQL EXPRESSION over what the daemon remembers."""
    params = {"query": expression, **({"time": at} if at else {})}
    with client_of(connect) as client:
        found = client.get("/api/v1/query", Instant, params).data
    output.either(found, as_json=as_json, shown=partial(output.print_instant, found))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(*, as_json: bool) -> None:
    """Print the version of this rtmd, and what joins its correlations; `rtmd status` has the daemon's."""
    from rtmd.runtime.correlator import make_correlator

    correlator = make_correlator().name
    shown = partial(click.echo, f"rtmd {__version__}\ncorrelator: {correlator}")
    output.either({"version": __version__, "correlator": correlator}, as_json=as_json, shown=shown)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(*, shell: str) -> None:
    """Print the completion script for SHELL, to be sourced by it."""
    from rtmd.cli import main

    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"click has no completion for {shell}")
    click.echo(kind(main, {}, "rtmd", "_RTMD_COMPLETE").source())
