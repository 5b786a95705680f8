"""The verbs about receivers and the outbox: list, try out, try again.

A test goes through the running daemon, on the path of real messages. Where none runs, `--config` sends it from here,
by the same receivers.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path

import click

from rtmd.cli import output
from rtmd.cli.operate import client_of, remote
from rtmd.model.display import safe
from rtmd.wire import StatusView
from rtmd.wire.deliveries import OutboxView, ReceiverView, RetryDone, RetryRequest, TryRequest, TryResult


@click.group(invoke_without_command=True)
@click.pass_context
def receivers(ctx: click.Context) -> None:
    """Receivers: who is told, and whether they answer."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_receivers)


@receivers.command("list")
@remote
def list_receivers(*, connect: str | None = None, as_json: bool = False) -> None:
    """All receivers, with the state of their circuit and what waits for them."""
    with client_of(connect) as client:
        found = client.get("/api/rtmd/v1/receivers", list[ReceiverView])
    output.either(found, as_json=as_json, shown=partial(output.print_receivers, found))


@receivers.command("test")
@click.argument("name")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=None,
    help="Send from here, as this configuration says, without a daemon.",
)
@remote
def test_receiver(*, name: str, path: Path | None, connect: str | None, as_json: bool) -> None:
    """Send a test message to the receiver NAME and say what became of it (exit code 1: it was not taken)."""
    if path is not None:
        result = asyncio.run(_send_from_here(path, name))
    else:
        with client_of(connect) as client:
            result = client.post("/api/rtmd/v1/receivers/test", TryRequest(receiver=name), TryResult)
    if as_json:
        output.print_json(result)
    elif not result.error:
        click.echo(f"{safe(name)}: delivered")
    if result.error:
        later = "it would not be tried again" if result.permanent else "it would be tried again"
        if not as_json:
            click.echo(f"{safe(name)}: {safe(result.error)} ({later})", err=True)
        raise click.exceptions.Exit(1)


async def _send_from_here(path: Path, name: str) -> TryResult:
    from rtmd.cli.run import read_config
    from rtmd.errors import DeliveryError, FileErrors, PermanentError
    from rtmd.receivers.make import Kit, make_receiver
    from rtmd.receivers.post import make_transport
    from rtmd.runtime.clock import SystemClock
    from rtmd.runtime.deliveries import messages_for

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = read_config(path)
    except FileErrors as errors:
        raise click.ClickException("\n".join(safe(str(problem)) for problem in errors.problems)) from None
    wanted = config.receivers.get(name)
    if wanted is None:
        raise click.ClickException(f'there is no receiver "{safe(name)}" in {safe(str(path))}')
    clock = SystemClock()
    async with make_transport() as transport:
        receiver = make_receiver(wanted, Kit(transport, clock, daemon=config.daemon.name))
        try:
            for message in messages_for(wanted, config.daemon.name, clock.now()):
                await receiver.send(message)
        except DeliveryError as error:
            return TryResult(name, str(error), permanent=isinstance(error, PermanentError))
    return TryResult(name)


@click.group(invoke_without_command=True)
@click.pass_context
def outbox(ctx: click.Context) -> None:
    """The outbox: messages that wait, and those that were given up."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_outbox)


@outbox.command("list")
@remote
def list_outbox(*, connect: str | None = None, as_json: bool = False) -> None:
    """What waits, oldest first, and dead letters, newest first."""
    with client_of(connect) as client:
        found = client.get("/api/rtmd/v1/outbox", OutboxView)
        wall = client.get("/api/rtmd/v1/status", StatusView).wall
    output.either(found, as_json=as_json, shown=partial(output.print_outbox, found, wall))


@outbox.command("retry")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--receiver", default="", metavar="NAME", help="All dead letters of this receiver.")
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
@remote
def retry(*, keys: tuple[str, ...], receiver: str, everything: bool, connect: str | None, as_json: bool) -> None:
    """Deliver dead letters after all: those with these KEYs, of one receiver, or all."""
    if sum((bool(keys), bool(receiver), everything)) != 1:
        raise click.UsageError("give KEYs, --receiver NAME or --all")
    request = RetryRequest(keys=list(keys), receiver=receiver, all=everything)
    with client_of(connect) as client:
        done = client.post("/api/rtmd/v1/outbox/retry", request, RetryDone)
    output.either(done, as_json=as_json, shown=partial(click.echo, f"{len(done.keys)} on their way again."))
