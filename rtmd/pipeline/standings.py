"""Where each receiver stands with a firing right now: what it knows, what is held back and why, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rtmd.alerting.groups import Group
from rtmd.model.firing import Firing
from rtmd.model.reaction import LedgerEntry
from rtmd.pipeline.pipeline import Pipeline
from rtmd.wire.explain import StandingView


def standings(pipeline: Pipeline, firing: Firing, at: int) -> list[StandingView]:
    """One for each group that the firing stands in, by route; what receivers know is `known`."""
    groups = sorted(pipeline.reactor.dispatch.groups.of(firing.id), key=lambda group: group.key)
    return [_in_group(pipeline, firing, group, at) for group in groups]


def known(found: Sequence[StandingView], ledger: Sequence[LedgerEntry], offset: int) -> list[StandingView]:
    """With what the ledger says of each receiver, and those whom nothing leads to any more."""
    entries = {entry.receiver: entry for entry in ledger}
    standing = {each.receiver for each in found}
    others = [StandingView(name) for name in sorted(entries.keys() - standing)]
    return [_with(each, entries.get(each.receiver), offset) for each in [*found, *others]]


def of_receiver(found: Sequence[StandingView], receiver: str, firing: Firing) -> list[StandingView]:
    """Those of one receiver; one that says so, where nothing leads to it."""
    own = [each for each in found if each.receiver == receiver]
    if own:
        return own
    why = "its rule is in shadow: nobody is told" if firing.shadow else f"nothing leads from this firing to {receiver}"
    return [StandingView(receiver, note=why)]


def _in_group(pipeline: Pipeline, firing: Firing, group: Group, at: int) -> StandingView:
    key, wall = group.key, pipeline.wall(at)
    verdict = pipeline.reactor.dispatch.muting(firing, key, at, wall) if firing.open else None
    ack = firing.ack if firing.open and firing.ack and firing.ack.until > wall else None
    return StandingView(
        receiver=key.receiver,
        route=key.route,
        stage=str(key.stage),
        held_by=verdict.text if verdict else "",
        looks_at=None if group.times.due is None else pipeline.wall(group.times.due),
        acked_by=ack.by if ack else "",
        acked_until=ack.until if ack else None,
    )


def _with(standing: StandingView, entry: LedgerEntry | None, offset: int) -> StandingView:
    if entry is None:
        return standing
    return msgspec.structs.replace(
        standing, knows=str(entry.told), knows_at=entry.at + offset, withheld=entry.why or ""
    )
