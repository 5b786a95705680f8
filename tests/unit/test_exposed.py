"""The labels of a firing: one order of precedence for matchers, screens and Alertmanagers (semantics S1)."""

from __future__ import annotations

from fakes_alertmanager import SURGE

from rtmd.alerting.exposed import exposed
from rtmd.model.labels import labels_of
from rtmd.model.replace import replace
from rtmd.receivers.alertmanager import alert_labels
from rtmd.wire import pictures


def test_what_a_rule_says_goes_before_what_its_signal_says_wherever_labels_are_seen() -> None:
    firing = replace(SURGE, labels=labels_of({"desk": "news", "kind": "x", "stage": "live", "alertname": "y"}))
    called = {"alertname": "surge", "desk": "social", "kind": "opportunity", "stage": "live"}
    assert alert_labels(firing) == called
    assert dict(exposed(firing)) == called | {"rule": "surge", "stage": "minutes", "severity": "warning"}
    assert pictures.firing_view(firing).labels["desk"] == "social"
