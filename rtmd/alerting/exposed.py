"""The labels of a firing as matchers see them (semantics S1).

Identity is the instance's labels under the rule's name. Matchers of silences and routes see more: the rule's own
labels, `rule` and `alertname`, `kind`, and the virtual `stage` and `severity`, which change while the firing lives.
Of an alert that others raised they see what was posted, and the virtual labels only where nothing of that name was:
a `severity="page"` is matched as such, and `stage="production"` too.
"""

from __future__ import annotations

from rtmd.model.firing import Firing
from rtmd.model.labels import Labels, labels_of


def exposed(firing: Firing) -> Labels:
    """The label set that matchers are held against."""
    virtual = {"rule": firing.rule, "stage": str(firing.stage), "severity": str(firing.severity)}
    if firing.origin is not None:
        return labels_of(virtual | {"kind": str(firing.kind)} | firing.called)
    return labels_of(firing.called | virtual)
