"""Open firings with their groups and what mutes them, judged when they are asked for (semantics S5).

Rules in shadow are left out: nobody is ever told what they find.
"""

from __future__ import annotations

from rtmd.alerting.exposed import exposed
from rtmd.model.firing import Firing
from rtmd.model.standing import Standing, StandingGroup
from rtmd.pipeline.pipeline import Pipeline


def standings(pipeline: Pipeline, at: int) -> list[Standing]:
    """All open firings."""
    return [_standing(pipeline, firing, at) for firing in pipeline.firings() if firing.open and not firing.shadow]


def standing_groups(pipeline: Pipeline, at: int) -> list[StandingGroup]:
    """All groups in which something is open."""
    dispatch, wall = pipeline.reactor.dispatch, pipeline.wall(at)
    known = {standing.firing.id: standing for standing in standings(pipeline, at)}
    found = []
    for group in sorted(dispatch.groups, key=lambda group: group.key):
        members = tuple(known[firing_id] for firing_id in sorted(group.members) if firing_id in known)
        if members:
            found.append(StandingGroup(group.key, members, dispatch.closed_by(group.key, wall)))
    return found


def _standing(pipeline: Pipeline, firing: Firing, at: int) -> Standing:
    dispatch, labels = pipeline.reactor.dispatch, exposed(firing)
    culprit = dispatch.suppression.inhibitions.culprit(labels, at)
    return Standing(
        firing,
        labels,
        receivers=tuple(sorted({group.key.receiver for group in dispatch.groups.of(firing.id)})),
        silenced_by=tuple(silence.id for silence in dispatch.silences.muting(labels, pipeline.wall(at))),
        inhibited_by=culprit.firing if culprit else None,
        origin=pipeline.externals.origin(firing),
    )
