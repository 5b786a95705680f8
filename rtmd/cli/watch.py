"""`rtmd watch`: what happens, one line an event, for screen readers and pipes; no cursor moves, nothing is redrawn.

It follows the stream as the screen does, with the screen's own client: a broken link is told and tried again. It ends
on ctrl-c, and when nobody reads its output any more: that is looked at with each beat, so also when nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
from collections.abc import AsyncIterator, Callable

import click

from rtmd.cli import output
from rtmd.cli.events import Event, Telling, line
from rtmd.cli.operate import remote
from rtmd.cli.target import find_target
from rtmd.model.display import safe
from tui.client import Client, Down
from tui.filter import parse
from tui.picture import Message


@click.command()
@click.argument("terms", nargs=-1, metavar="[FILTER]...")
@remote
def watch(*, terms: tuple[str, ...], connect: str | None, as_json: bool) -> None:
    """Say what happens, one line an event, until ctrl-c.

    FILTER is what `/` takes on the screen: rtmd watch sev:crit brand=acme
    """
    try:
        client = Client(find_target(connect))
    except ValueError as error:
        raise click.ClickException(safe(str(error))) from None
    try:
        asyncio.run(_watch(client, Telling(parse(" ".join(terms)).passes), as_json=as_json))
    except BrokenPipeError:
        # Python flushes stdout once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        pass


async def _watch(client: Client, telling: Telling, *, as_json: bool) -> None:
    show = output.json_line if as_json else line
    async with contextlib.aclosing(client.follow()) as stream:
        await tell(stream, telling, lambda event: _write(show(event)), check=_check_reader)


async def tell(
    stream: AsyncIterator[Message | Down],
    telling: Telling,
    write: Callable[[Event], None],
    *,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write what the stream tells; `check` is called before each message, and ends it by raising.

    A daemon that was never reached is an error (ClickException); one that is lost later is waited for.
    """
    lost = False
    async for message in stream:
        check()
        if isinstance(message, Down):
            if not telling.begun:
                raise click.ClickException(safe(message.problem))
            if not lost:
                write(telling.link(f"lost: {message.problem}; trying again"))
            lost = True
            continue
        if lost:
            lost = False
            write(telling.link("back; what was missed follows"))
        for event in telling.hear(message):
            write(event)


def _write(text: str) -> None:
    """One line, at once, also into a pipe."""
    print(text, flush=True)  # click.echo would end with 1 where nobody reads


def _check_reader() -> None:
    """BrokenPipeError when nobody can read what is written."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    if any(seen & (select.POLLERR | select.POLLNVAL) for _, seen in poll.poll(0)):
        raise BrokenPipeError
