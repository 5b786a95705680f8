"""The verbs about what rtmd runs: proposals and their decision, holding everything, running something again."""

from __future__ import annotations

from functools import partial

import click

from rtmd.cli import output
from rtmd.cli.operate import client_of, remote
from rtmd.model.display import age, safe
from rtmd.wire import Done, StatusView
from rtmd.wire.actions import ApproveRequest, DeclineRequest, HoldRequest, ProposalView, RerunRequest

_PROPOSALS = "/api/rtmd/v1/proposals"
_VERSION = click.option("--version", type=click.IntRange(0), default=0, help="The version that you saw (default: any).")


@click.command()
@click.option("--all", "decided_too", is_flag=True, help="Those that are decided, too.")
@remote
def proposals(*, decided_too: bool, connect: str | None, as_json: bool) -> None:
    """Actions that wait for somebody, the first to expire on top."""
    with client_of(connect) as client:
        found = client.get(_PROPOSALS, list[ProposalView])
        status = client.get("/api/rtmd/v1/status", StatusView)
    shown = [one for one in found if decided_too or one.state in ("pending", "braked")]
    output.either(shown, as_json=as_json, shown=partial(_print, shown, status))


@click.command()
@click.argument("proposal_id", metavar="ID")
@_VERSION
@remote
def approve(*, proposal_id: str, version: int, connect: str | None, as_json: bool) -> None:
    """Let the proposal ID run, as it stands now."""
    with client_of(connect) as client:
        found = [one for one in client.get(_PROPOSALS, list[ProposalView]) if one.id == proposal_id]
        seen = version or (found[0].version if found else 0)
        done = client.post("/api/rtmd/v1/approve", ApproveRequest(id=proposal_id, version=seen), Done)
    what = safe(found[0].would_run) if found else safe(proposal_id)
    output.either(done, as_json=as_json, shown=partial(click.echo, f"Approved: {what}"))


@click.command()
@click.argument("proposal_id", metavar="ID")
@click.option("--reason", required=True, help="Why not.")
@_VERSION
@remote
def decline(*, proposal_id: str, reason: str, version: int, connect: str | None, as_json: bool) -> None:
    """Have the proposal ID not run."""
    request = DeclineRequest(id=proposal_id, reason=reason, version=version)
    with client_of(connect) as client:
        done = client.post("/api/rtmd/v1/decline", request, Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, f"Declined {safe(proposal_id)}."))


@click.command()
@click.argument("reason")
@remote
def hold(*, reason: str, connect: str | None, as_json: bool) -> None:
    """Stop all actions and approvals, for the REASON that everybody is shown, until `rtmd release`."""
    with client_of(connect) as client:
        done = client.post("/api/rtmd/v1/hold", HoldRequest(reason=reason), Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, "Everything is held."))


@click.command()
@remote
def release(*, connect: str | None, as_json: bool) -> None:
    """Let actions run again."""
    with client_of(connect) as client:
        done = client.post("/api/rtmd/v1/release", None, Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, "Nothing is held any more."))


@click.command()
@click.argument("run_id", metavar="RUN")
@remote
def rerun(*, run_id: str, connect: str | None, as_json: bool) -> None:
    """Run the action (or undo) RUN once more: it failed, or nobody knows whether it was done."""
    with client_of(connect) as client:
        done = client.post("/api/rtmd/v1/rerun", RerunRequest(run=run_id), Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, f"{safe(run_id)} runs again."))


def _print(found: list[ProposalView], status: StatusView) -> None:
    if status.hold:
        click.echo(f"HELD by {safe(status.hold.by)}: {safe(status.hold.reason)}")
    if not found:
        click.echo("Nothing waits for a decision.")
    for one in found:
        left = age(max(0, one.expires_at - status.wall))
        state = {"pending": f"{left} left", "braked": f"braked by {safe(one.reason)}"}.get(one.state, one.state)
        click.echo(f"{one.id}  {state:<12}  {safe(one.title)}")
        click.echo(f"            {safe(one.action)}: {safe(one.would_run)}")
        if one.by:
            click.echo(f"            {one.state} by {safe(one.by)}{f': {safe(one.reason)}' if one.reason else ''}")
