"""Silences for people: what each hides and withheld, when it ends, and which ones nobody seems to remember.

Judged when they are asked for, between two steps; nothing here changes state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rtmd.alerting.exposed import exposed
from rtmd.alerting.groups import Group
from rtmd.alerting.guards import LONG, Weight, grave
from rtmd.alerting.silences import Silences
from rtmd.model.display import age
from rtmd.model.firing import Firing
from rtmd.model.inputs import SilenceSet
from rtmd.model.labels import Labels
from rtmd.model.rule import HOUR
from rtmd.model.silence import Silence, SilenceState
from rtmd.pipeline.pipeline import Pipeline
from rtmd.wire.silences import SilencePreview, SilenceView

IDLE = 24 * HOUR  # without anything to hide, until a silence counts as forgotten
OLD = LONG


class SilencedCount:
    """How many open firings are silenced, for those who ask every second; labels are worked out once a change."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Firing, Labels]] = {}

    def __repr__(self) -> str:
        return f"<SilencedCount of {len(self._seen)}>"

    def of(self, firings: Iterable[Firing], silences: Silences, wall: int) -> int:
        """The count for these open firings."""
        before, self._seen = self._seen, {}
        count = 0
        for firing in firings:
            known = before.get(firing.id)
            if known is None or known[0] is not firing:
                known = (firing, exposed(firing))
            self._seen[firing.id] = known
            count += silences.mutes(known[1], wall)
        return count


def silence_views(pipeline: Pipeline, at: int) -> list[SilenceView]:
    """All silences, those that end last first, with what each covers now."""
    wall, silences = pipeline.wall(at), pipeline.reactor.dispatch.silences
    covered: defaultdict[str, list[Firing]] = defaultdict(list)
    for firing in pipeline.firings():
        for silence in silences.muting(exposed(firing), wall) if firing.open else ():
            covered[silence.id].append(firing)
    in_order = sorted(silences, key=lambda silence: (-silence.ends_at, silence.id))
    return [_view(silence, wall, covered[silence.id]) for silence in in_order]


def silence_preview(pipeline: Pipeline, wanted: SilenceSet, at: int) -> SilencePreview:
    """What this silence would hide. Raises RefusedError."""
    wall = pipeline.wall(at)
    weight: Weight = pipeline.silencing.weigh(wanted, wall)
    return SilencePreview(
        matchers=[str(matcher) for matcher in wanted.matchers],
        starts_at=max(wanted.starts_at, wall),
        ends_at=wanted.ends_at,
        lift=str(wanted.lift),
        matches=weight.matches,
        of=weight.of,
        critical=weight.critical,
        asks=list(weight.reasons),
    )


def silence_scope(firing: Firing, groups: Iterable[Group]) -> dict[str, str]:
    """The labels that a silence made from a firing covers, beside its rule: those of its group.

    The narrowest, where it is told in several. Where a group is the whole rule it is the firing's own labels: hiding
    all of a rule is a step of its own.
    """
    own = dict(firing.extra_labels) | dict(firing.labels)
    shared = {name for group in groups for name, value in group.key.labels if own.get(name) == value}
    narrow = firing.origin is None and shared & dict(firing.labels).keys()  # what others raise is known by all it has
    names = shared if narrow else own.keys()
    return {name: own[name] for name in sorted(names)}


def endings(pipeline: Pipeline, at: int) -> list[str]:
    """A line on each silence that ends soon while something that it hides still fires."""
    wall, silences = pipeline.wall(at), pipeline.reactor.dispatch.silences
    soon = [silence for silence in silences if silence.ending(wall)]
    lines = []
    for silence in sorted(soon, key=lambda silence: (silence.ends_at, silence.id)):
        hidden = silences.covered_by(silence, (exposed(firing) for firing in pipeline.firings() if firing.open))
        if hidden:
            what = ", ".join(map(str, silence.matchers))
            still = "1 firing still burns" if hidden == 1 else f"{hidden} firings still burn"
            ends = age(silence.ends_at - wall)
            lines.append(f"silence {silence.id} of {silence.created_by} on {what} ends in {ends}: {still}")
    return lines


def _view(silence: Silence, wall: int, covered: Sequence[Firing]) -> SilenceView:
    return SilenceView(
        id=silence.id,
        state=str(silence.state(wall)),
        matchers=[str(matcher) for matcher in silence.matchers],
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        created_by=silence.created_by,
        comment=silence.comment,
        updated_at=silence.updated_at,
        matches_now=len(covered),
        suppressed=silence.suppressed,
        lift=str(silence.lift),
        version=silence.version,
        updated_by=silence.updated_by,
        matched_at=silence.matched_at,
        ending=bool(covered) and silence.ending(wall),
        forgotten=list(_forgotten(silence, wall, covered)),
    )


def _forgotten(silence: Silence, wall: int, covered: Sequence[Firing]) -> Iterator[str]:
    """Why nobody seems to remember it."""
    if silence.state(wall) is not SilenceState.ACTIVE:
        return
    idle_since = silence.starts_at if silence.matched_at is None else silence.matched_at
    if not covered and wall - idle_since >= IDLE:
        never = "has matched nothing" if silence.matched_at is None else "matches nothing"
        yield f"{never} for {age(wall - idle_since)}"
    if wall - silence.starts_at >= OLD:
        yield f"has lasted {age(wall - silence.starts_at)}"
    critical = sum(map(grave, covered))
    if critical:
        yield f"hides {critical} critical at hours"
