"""The verbs about noise: the board, one rule's score in its parts, and what people say to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial

import click

from rtmd.cli import output
from rtmd.cli.client import Client
from rtmd.cli.operate import remote
from rtmd.cli.target import find_target
from rtmd.model.display import age, safe
from rtmd.wire import Done
from rtmd.wire.noise import MissedRequest, NoiseView, RuleNoiseView, ShareView, VerdictRequest

_DAY = 86_400_000


@click.command()
@click.argument("rule", default="")
@click.option("--days", type=click.IntRange(1, 30), default=7, show_default=True, help="Of how many days.")
@remote
def noise(*, rule: str, days: int, connect: str | None, as_json: bool) -> None:
    """The noisiest rules first; with RULE that one's score, part by part."""
    with closing(Client(find_target(connect))) as client:
        found = client.get("/api/rtmd/v1/noise", NoiseView, {"days": str(days)})
    shown = [each for each in found.rules if not rule or each.rule == rule]
    if rule and not shown:
        raise click.ClickException(f"there is no rule {safe(rule)}")
    if as_json:
        output.print_json(shown[0] if rule else found)
    elif rule:
        _explain(shown[0], found)
    else:
        _board(found)


@click.command()
@click.argument("firing")
@click.argument("word", type=click.Choice(["noise", "real"]))
@remote
def verdict(*, firing: str, word: str, connect: str | None, as_json: bool) -> None:
    """Say that FIRING was noise, or something real; the latest word counts, also days later."""
    with closing(Client(find_target(connect))) as client:
        done = client.post("/api/rtmd/v1/verdict", VerdictRequest(firing, word), Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, f"{safe(firing)} was {word}, you say."))


@click.command()
@click.argument("rule")
@click.argument("text")
@remote
def missed(*, rule: str, text: str, connect: str | None, as_json: bool) -> None:
    """Report what RULE should have fired for and did not, in your own words (TEXT)."""
    with closing(Client(find_target(connect))) as client:
        done = client.post("/api/rtmd/v1/missed", MissedRequest(rule, text), Done)
    output.either(done, as_json=as_json, shown=partial(click.echo, f"Kept with {safe(rule)}; see rtmd noise."))


_HEADER = (
    *("RANK", "NOISE", "RULE", "FIRINGS", "A DAY", "MEDIAN", "NOBODY HAD", "FALSE STARTS"),
    *("FLAPPED", "SILENCED", "HANDLED", "MARKED", "MISSED"),
)


def _board(found: NoiseView) -> None:
    output.print_table(_HEADER, [_row(each) for each in found.rules], "No rules are loaded.")
    if found.rules and found.at - found.since < found.days * _DAY:
        click.echo(f"The journal reaches back {age(found.at - found.since)} only.")
    if any(each.score is None for each in found.rules):
        click.echo(f"No score: fewer than {found.enough} firings.")


def _row(each: RuleNoiseView) -> Sequence[str]:
    starts = " ".join(f"{stage}:{_percent(share)}" for stage, share in each.false_starts.items())
    return (
        "-" if each.rank is None else str(each.rank),
        "-" if each.score is None else f"{each.score:.2f}",
        each.rule,
        str(each.firings),
        f"{each.a_day:.1f}",
        "-" if each.duration is None else age(each.duration),
        _percent(each.unattended),
        starts or "-",
        _percent(each.flapped),
        _percent(each.silenced),
        _percent(each.handled),
        f"{each.noise} noise, {each.real} real" if each.noise or each.real else "-",
        str(each.misses) if each.misses else "-",
    )


def _explain(each: RuleNoiseView, found: NoiseView) -> None:
    if each.score is None:
        click.echo(f"{safe(each.rule)}: {each.firings} firings in {found.days} days, no score below {found.enough}.")
    else:
        click.echo(f"{safe(each.rule)}: {each.score:.2f} from {each.firings} firings in {found.days} days.")
        rows = [(term.name, f"{term.share.count} of {term.share.of}", f"+{term.adds:.2f}") for term in each.terms]
        output.print_table(("TERM", "SHOWN BY", "ADDS"), rows, "")
    for miss in each.missed:
        click.echo(f"missed {output.moment(miss.at)}, says {safe(miss.by)}: {safe(miss.text)}")


def _percent(share: ShareView) -> str:
    return f"{100 * share.count / share.of:.0f}%" if share.of else "-"
