"""What stands around a firing: what else fires there, and how its rule usually is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtmd.model.display import age
from rtmd.wire import FiringView
from rtmd.wire.noise import RuleNoiseView, ShareView
from tui.states import is_open
from tui.view.line import lit

MOST_RELATED = 5


def relatives(firing: FiringView, others: Iterable[FiringView]) -> list[FiringView]:
    """Open firings of other rules about the same: most labels in common, none in conflict, closest in time."""
    found = []
    for other in others:
        if other.rule == firing.rule or not is_open(other):
            continue
        both = firing.labels.keys() & other.labels.keys()
        if both and all(firing.labels[name] == other.labels[name] for name in both):
            found.append((-len(both), abs(other.fired_at - firing.fired_at), other.id, other))
    return [other for *_, other in sorted(found, key=lambda each: each[:3])[:MOST_RELATED]]


def related(firing: FiringView, others: Sequence[FiringView]) -> list[str]:
    """One line each: what, where, and how long after or before."""
    said = ([lit(each.rule, 60), _labels(each.labels), lit(each.stage, 10), _apart(each, firing)] for each in others)
    return ["  ".join(parts) for parts in said]


def history(noise: RuleNoiseView | None, days: int) -> list[str]:
    """How often the rule fired lately, and how that turned out."""
    if noise is None or not noise.firings:
        return []
    said = [
        f"{noise.firings} in {days} days",
        f"median {age(noise.duration)}" if noise.duration is not None else "",
        _share("nobody had", noise.unattended),
        *(_share(f"{lit(stage, 10)} false", share) for stage, share in noise.false_starts.items()),
        _share("flapped", noise.flapped),
        _share("silenced", noise.silenced),
        _share("handled", noise.handled),
        f"said {noise.noise} noise {noise.real} real" if noise.noise or noise.real else "",
        f"noise {noise.score:.2f}" if noise.score is not None else "",
    ]
    return [" · ".join(filter(None, said))]


def _apart(other: FiringView, firing: FiringView) -> str:
    later = other.fired_at - firing.fired_at
    if abs(later) < 1_000:
        return "at the same time"
    return f"fired {age(abs(later))} {'later' if later > 0 else 'before'}"


def _share(name: str, share: ShareView) -> str:
    return f"{name} {100 * share.count / share.of:.0f}%" if share.of else ""


def _labels(labels: dict[str, str]) -> str:
    return "  ".join(f"{lit(name, 60)}={lit(value, 200)}" for name, value in sorted(labels.items()))
