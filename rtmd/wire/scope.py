"""What a silence made from a firing covers: what the person looked at, and no more.

That is the rule, the labels of the firing's group, and `stage ≤ the present one`, so that a rise breaks through
(semantics S4). The daemon makes silences so, and the screen tells the same as a command.
"""

from __future__ import annotations

from rtmd.model.matcher import Matcher, MatchOp
from rtmd.wire import FiringView

# Matchers see rtmd's own values under these names, whatever the firing's labels say.
OWN_LABELS = frozenset({"rule", "alertname", "kind", "stage", "severity"})
_UP_TO = {"seconds": "seconds", "minutes": "seconds|minutes"}  # above hours there is nothing to rise to


def firing_matchers(firing: FiringView, *, rule_wide: bool = False) -> tuple[Matcher, ...]:
    """What covers this firing's group (or its whole rule) at its present stage and below.

    An alert that others raised is known by all of its labels. They say its stage, or it is the same for all of them.
    """
    if firing.origin is not None:
        name = "alertname" if "alertname" in firing.labels else "rule"
        wanted = [(name, firing.rule)] if rule_wide else sorted(firing.labels.items())
        return tuple(Matcher(name, MatchOp.EQUAL, value) for name, value in wanted)
    matchers = [Matcher("rule", MatchOp.EQUAL, firing.rule)]
    if not rule_wide:
        labels = sorted(pair for pair in firing.group.items() if pair[0] not in OWN_LABELS)
        matchers += [Matcher(name, MatchOp.EQUAL, value) for name, value in labels]
    if firing.stage in _UP_TO:
        matchers.append(Matcher("stage", MatchOp.REGEX, _UP_TO[firing.stage]))
    return tuple(matchers)
