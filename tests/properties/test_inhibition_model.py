"""Inhibitions that are kept up to date against semantics S7, asked of all firings anew."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rtmd.alerting.exposed import exposed
from rtmd.alerting.inhibition import Inhibitions
from rtmd.matching import compile_matchers, parse_matchers
from rtmd.model.firing import Firing
from rtmd.model.labels import get, labels_of
from rtmd.model.policy import LINGER, Inhibition
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName

MATCHERS = ('rule="r0"', 'rule="r1"', 'rule=~"r."', 'stage!="seconds"', 'site=""')
NOW = 100_000
ENDED = st.sampled_from([None, None, NOW - LINGER - 1, NOW - LINGER, NOW - LINGER + 1, NOW - 1])


@st.composite
def firings(draw: st.DrawFn, name: str) -> Firing:
    labels = {key: draw(st.sampled_from("xy")) for key in ("site", "rack") if draw(st.booleans())}
    stage = draw(st.sampled_from(StageName))
    fired = draw(st.integers(1, 3))
    rule = draw(st.sampled_from(["r0", "r1", "r2"]))
    firing = Firing(name, 1, rule, labels_of(labels), Kind.HEALTH, "t", Severity.INFO, stage, (), fired, fired)
    return replace(firing, resolved_at=draw(ENDED))


@st.composite
def inhibitions(draw: st.DrawFn, name: str) -> Inhibition:
    source, target = (parse_matchers(draw(st.sampled_from(MATCHERS))) for _ in range(2))
    return Inhibition(name, source, target, draw(st.sampled_from([(), ("site",), ("site", "rack")])))


def culprit(rules: Sequence[Inhibition], known: Sequence[Firing], target: Firing) -> tuple[str, str] | None:
    """The first inhibition that mutes the target, and its source that fired first: by the text of S7."""
    for rule in rules:
        is_source, is_target = compile_matchers(rule.source), compile_matchers(rule.target)
        labels = exposed(target)
        found = [
            (source.fired_at, source.id)
            for source in known
            if is_target(labels)
            and is_source(exposed(source))
            and all(get(exposed(source), name) == get(labels, name) for name in rule.equal)
            and (source.resolved_at is None or source.resolved_at + LINGER > NOW)
            and not (is_source(labels) and is_target(exposed(source)))
        ]
        if found:
            return rule.name, min(found)[1]
    return None


@given(st.data())
def test_whatever_changed_the_culprit_is_the_one_that_the_text_names(data: st.DataObject) -> None:
    rules = [data.draw(inhibitions(name)) for name in ("one", "two")[: data.draw(st.integers(0, 2))]]
    names = "abcde"
    known = {name: data.draw(firings(name)) for name in names}
    kept = Inhibitions(known.get)
    kept.load(rules, known.values())
    for name in data.draw(st.lists(st.sampled_from(names), max_size=8)):
        known[name] = data.draw(firings(name))
        kept.put(known[name])
    if data.draw(st.booleans()):
        kept.forget(NOW)
    for target in known.values():
        found = kept.culprit(exposed(target), NOW)
        expected = culprit(rules, list(known.values()), target)
        assert (found and (found.inhibition, found.firing.id)) == expected
