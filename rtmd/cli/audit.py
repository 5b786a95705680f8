"""Who changed what, and whether the trail of that is whole."""

from __future__ import annotations

from contextlib import closing

import click

from rtmd.cli import output
from rtmd.cli.client import Client
from rtmd.cli.operate import DURATION, remote
from rtmd.cli.target import find_target
from rtmd.model.display import safe
from rtmd.wire import StatusView
from rtmd.wire.audit import AuditView, VerifiedView


@click.command()
@click.option("--by", default="", metavar="NAME", help="What NAME did.")
@click.option("--what", default="", metavar="WORD", help="What was done (ack, silence …), or to what (an id).")
@click.option("--since", type=DURATION, default=None, help="How far back (default: for ever).")
@click.option("--limit", type=click.IntRange(1, 1_000), default=200, show_default=True, help="The latest so many.")
@click.option("--verify", is_flag=True, help="Check that no line was changed or taken out; exit 1 when one was.")
@remote
def audit(  # noqa: PLR0913  # one parameter an option
    *, by: str, what: str, since: int | None, limit: int, verify: bool, connect: str | None, as_json: bool
) -> None:
    """Who changed what, newest last."""
    with closing(Client(find_target(connect))) as client:
        if verify:
            _verify(client.get("/api/rtmd/v1/audit/verify", VerifiedView), as_json=as_json)
            return
        start = max(0, client.get("/api/rtmd/v1/status", StatusView).wall - since) if since else 0
        asked = {"by": by, "what": what, "since": str(start), "limit": str(limit)}
        found = client.get("/api/rtmd/v1/audit", list[AuditView], asked)
    output.either(found, as_json=as_json, shown=lambda: _print(found))


def _verify(found: VerifiedView, *, as_json: bool) -> None:
    told = f"{found.lines} lines, as they were written; the last one's hash is {found.hash or 'none'}."
    output.either(found, as_json=as_json, shown=lambda: None if found.problem else click.echo(told))
    if found.problem:
        raise click.ClickException(f"the audit trail was tampered with: {safe(found.problem)}")


def _print(found: list[AuditView]) -> None:
    rows = [
        (str(each.seq), output.moment(each.at), each.by, each.origin or "-", each.verb, each.object, each.detail)
        for each in found
    ]
    output.print_table(("LINE", "TIME", "BY", "FROM", "DID", "TO", "DETAIL"), rows, "Nobody changed anything.")
