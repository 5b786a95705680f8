"""`rtmd silence`: hide what needs no reaction, for a time; see what is hidden, and what was forgotten.

What a silence would hide is asked for and shown before it is made. What hides much, or for long, is asked about once
more; `--yes` is the answer where nobody is there to give it.
"""

from __future__ import annotations

from functools import partial

import click
import msgspec

from rtmd.cli import output
from rtmd.cli.client import Client
from rtmd.cli.operate import DURATION, client_of, remote
from rtmd.model.display import safe
from rtmd.model.silence import Lift
from rtmd.wire import Done, StatusView
from rtmd.wire.silences import ExpireRequest, SilencePreview, SilenceRequest, SilenceView

_SILENCE = "/api/rtmd/v1/silence"


@click.group()
def silence() -> None:
    """Silences: hide what needs no reaction, for a time."""


@silence.command("add")
@click.argument("matchers", nargs=-1, metavar="[MATCHER]...")
@click.option("--firing", default="", metavar="ID", help="Silence this firing's group, at its present stage and below.")
@click.option("--rule-wide", is_flag=True, help="With --firing: all firings of its rule.")
@click.option("--for", "length", type=DURATION, default=None, help="How long (default: 1h; by stage with --firing).")
@click.option("--until-resolved", is_flag=True, help="Until all that it matches has resolved; --for is the cap.")
@click.option("--comment", default="", help="Why.")
@click.option("--preview", is_flag=True, help="Only say what it would hide.")
@click.option("--yes", is_flag=True, help="Do not ask, however much it hides.")
@remote
def add(  # noqa: PLR0913  # one parameter an option
    *,
    matchers: tuple[str, ...],
    firing: str,
    rule_wide: bool,
    length: int | None,
    until_resolved: bool,
    comment: str,
    preview: bool,
    yes: bool,
    connect: str | None,
    as_json: bool,
) -> None:
    """Silence what all MATCHERs match (like 'rule="mention-surge"' brand=acme), or a firing's group."""
    if bool(matchers) == bool(firing):
        raise click.UsageError("give matchers, or --firing ID")
    if rule_wide and not firing:
        raise click.UsageError("--rule-wide needs --firing ID")
    request = SilenceRequest(
        matchers=list(matchers),
        firing=firing,
        rule_wide=rule_wide,
        length=length or 0,
        comment=comment,
        lift=Lift.RESOLVED if until_resolved else None,
        confirm=yes,
    )
    with client_of(connect) as client:
        if preview:
            seen = client.post(f"{_SILENCE}/preview", request, SilencePreview)
            output.either(seen, as_json=as_json, shown=partial(output.print_preview, seen))
        else:
            _make(client, request, as_json=as_json)


@silence.command("edit")
@click.argument("silence_id", metavar="ID")
@click.option("--for", "length", type=DURATION, required=True, help="How long from now on.")
@click.option("--until-resolved", is_flag=True, help="Until all that it matches has resolved; --for is the cap.")
@click.option("--comment", default="", help="Why (default: as it was).")
@click.option("--version", "seen", type=click.IntRange(1), default=None, help="Only if it is at this version.")
@click.option("--yes", is_flag=True, help="Do not ask, however much it hides.")
@remote
def edit(  # noqa: PLR0913  # one parameter an option
    *,
    silence_id: str,
    length: int,
    until_resolved: bool,
    comment: str,
    seen: int | None,
    yes: bool,
    connect: str | None,
    as_json: bool,
) -> None:
    """Extend or shorten the silence ID; one that has ended is made anew under another ID."""
    lift = Lift.RESOLVED if until_resolved else None
    request = SilenceRequest(id=silence_id, length=length, comment=comment, lift=lift, version=seen or 0, confirm=yes)
    with client_of(connect) as client:
        _make(client, request, as_json=as_json)


@silence.command("list")
@click.option("--all", "expired_too", is_flag=True, help="Expired ones too.")
@click.option("--forgotten", is_flag=True, help="Only those that nobody seems to remember, and why.")
@remote
def list_silences(*, expired_too: bool, forgotten: bool, connect: str | None, as_json: bool) -> None:
    """Silences, the first to end on top."""
    with client_of(connect) as client:
        found = client.get("/api/rtmd/v1/silences", list[SilenceView])
        wall = client.get("/api/rtmd/v1/status", StatusView).wall
    shown = [one for one in found if (expired_too or one.state != "expired") and (one.forgotten or not forgotten)]
    printed = partial(output.print_silences, shown, wall, forgotten=forgotten)
    output.either(shown, as_json=as_json, shown=printed)


@silence.command("expire")
@click.argument("silence_id", metavar="ID")
@click.option("--version", "seen", type=click.IntRange(1), default=None, help="Only if it is at this version.")
@remote
def expire(*, silence_id: str, seen: int | None, connect: str | None, as_json: bool) -> None:
    """End the silence ID now."""
    with client_of(connect) as client:
        done = client.post(f"{_SILENCE}/expire", ExpireRequest(id=silence_id, version=seen or 0), Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, f"{safe(silence_id)} has ended."))


def _make(client: Client, request: SilenceRequest, *, as_json: bool) -> None:
    """Say what it hides, ask where that has to be meant, and make it."""
    seen = client.post(f"{_SILENCE}/preview", request, SilencePreview)
    if not as_json:
        output.print_preview(seen)
    if seen.asks and not request.confirm:
        click.confirm(f"This {'; '.join(map(safe, seen.asks))}. Silence it?", abort=True, err=True)
        request = msgspec.structs.replace(request, confirm=True)
    done = client.post(_SILENCE, request, Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, safe(done.id)))
