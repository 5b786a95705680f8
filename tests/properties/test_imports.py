"""Whatever stands in a rule file of Prometheus: rules that load, or located problems, and never anything else."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from rtmd.errors import FileErrors
from rtmd.replay.notation import parse_series, parse_values
from rtmd.rulefile import load_rules
from rtmd.rulefile.prometheus.groups import read_groups
from rtmd.rulefile.prometheus.translate import translate

KEYS = [
    "groups", "name", "interval", "limit", "rules", "alert", "record", "expr", "for", "keep_firing_for", "labels",
    "annotations", "summary", "severity", "runbook_url", "&a", "*a", "x",
]  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(["", "~", "1m", "5", "up", "up > 1", "sum(", "page", "{{ $value }}", "{{ $labels.a }}", "$window"]),
    st.text(max_size=20),
)
TREES = st.recursive(
    WORDS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
)
RULES = st.fixed_dictionaries(
    {"alert": WORDS, "expr": WORDS},
    optional={
        "for": WORDS,
        "keep_firing_for": WORDS,
        "labels": st.dictionaries(WORDS, WORDS, max_size=3),
        "annotations": st.dictionaries(st.sampled_from(["summary", "title", "runbook_url", "x"]), WORDS, max_size=3),
    },
)
GROUPS = st.fixed_dictionaries({"name": WORDS, "rules": st.lists(RULES, max_size=4)}, optional={"interval": WORDS})


def bring(text: str | bytes) -> None:
    try:
        done = translate({"f.yml": read_groups(text, file="f.yml")})
    except FileErrors:
        return
    found = load_rules({"out.toml": done.document()})
    assert found.errors == ()
    assert len(found.rules.rules) == len(done.rules)


@given(TREES)
def test_any_tree_is_read_or_refused(tree: object) -> None:
    bring(json.dumps(tree))


@given(st.lists(GROUPS, max_size=3))
def test_any_rules_are_carried_over_or_left_out(groups: object) -> None:
    bring(json.dumps({"groups": groups}))


@given(st.one_of(st.text(), st.binary()))
@example("a: &a\n- *a")
@example("? ")
@example("%YAML 9.9\n---\na: 1")
@example("!<tag:x> {a: b}")
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    bring(text)


@given(st.text(alphabet="0123456789+-.xe_ NaIfstl", max_size=30))
def test_any_notation_is_read_or_refused(text: str) -> None:
    try:
        steps, values = parse_values(text)
    except ValueError:
        return
    assert len(steps) == len(values)
    assert sorted(set(steps.tolist())) == steps.tolist()


@given(st.text(max_size=30))
def test_any_series_is_read_or_refused(text: str) -> None:
    try:
        assert parse_series(text)
    except ValueError:
        return
