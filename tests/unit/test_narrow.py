"""Narrowing: a label is asked for as far down as it is certain, and no further."""

from __future__ import annotations

import pytest

from rtmd.model.narrow import narrowed
from rtmd.promql import parse, show


@pytest.mark.parametrize(
    ("query", "labels", "narrow"),
    [
        ("m", {"__name__": "m", "a": "1"}, 'm{a="1"}'),
        ("rate(m[1m]) * 60", {"a": "1"}, 'rate(m{a="1"}[1m]) * 60'),
        ("sum by (a) (rate(m[1m]))", {"a": "1"}, 'sum by (a) (rate(m{a="1"}[1m]))'),
        ("sum without (b) (m)", {"a": "1"}, 'sum without (b) (m{a="1"})'),
        ("topk by (a) (3, m)", {"a": "1", "b": "2"}, 'topk by (a) (3, m{a="1"})'),
        ('count_values without (b) ("v", m)', {"a": "1", "v": "2"}, 'count_values without (b) ("v", m{a="1"})'),
        ("sum(m)", {}, "sum(m)"),
        ("m / on (a) n", {"a": "1"}, 'm{a="1"} / on (a) n{a="1"}'),
        ("m / ignoring (b) n", {"a": "1"}, 'm{a="1"} / ignoring (b) n{a="1"}'),
        (
            "m * on (a) group_left (b) n",
            {"a": "1", "b": "2", "c": "3"},
            'm{a="1"} * on (a) group_left (b) n{a="1"}',
        ),
        ("max_over_time(rate(m[1m])[5m:])", {"a": "1"}, 'max_over_time(rate(m{a="1"}[1m])[5m:1m])'),
        ('label_replace(m, "a", "1", "", "")', {"a": "1"}, 'label_replace(m, "a", "1", "", "")'),
        ("absent(m)", {"a": "1"}, "absent(m)"),
        ("m > scalar(n)", {"a": "1"}, 'm{a="1"} > scalar(n)'),
    ],
)
def test_a_label_is_asked_for_where_it_is_certain(query: str, labels: dict[str, str], narrow: str) -> None:
    found = narrowed(parse(query), labels)
    assert show(found) == show(parse(narrow))
