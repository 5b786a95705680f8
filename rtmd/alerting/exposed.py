"""The labels of a firing as matchers see them (semantics S1).

Identity is the instance's labels under the rule's name. Matchers of silences and routes see more: the rule's own
labels, `rule` and `alertname`, `kind`, and the virtual `stage` and `severity`, which change while the firing lives.
Of an alert that others raised they see what was posted, and the virtual labels only where nothing of that name was:
a `severity="page"` is matched as such, and `stage="production"` too.
"""

from __future__ import annotations

from functools import lru_cache

from rtmd.model.firing import Firing
from rtmd.model.labels import Labels, labels_of

_ASKED_AGAIN = 1_024  # a firing that changes is held against routes, inhibitions and silences in turn


def exposed(firing: Firing) -> Labels:
    """The label set that matchers are held against."""
    virtual = (("rule", firing.rule), ("stage", str(firing.stage)), ("severity", str(firing.severity)))
    called = tuple(firing.called.items())
    if firing.origin is not None:
        return _together((*virtual, ("kind", str(firing.kind))), called)
    return _together(called, virtual)


@lru_cache(_ASKED_AGAIN)
def _together(labels: Labels, over: Labels) -> Labels:
    """All of these, the latter where both have one."""
    return labels_of(dict((*labels, *over)))
