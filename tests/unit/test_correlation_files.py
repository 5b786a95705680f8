"""Correlations in rule files: read, checked against the rules, explained and compared."""

from __future__ import annotations

import pytest
from scenarios.score import rule_set

from rtmd.model.rule import Correlation, Kind, Severity, StageName
from rtmd.rulefile.check import check_files
from rtmd.rulefile.correlation import check_correlations
from rtmd.rulefile.difference import difference, vanishing
from rtmd.rulefile.explain import explain_correlation
from rtmd.rulefile.load import load_rules

RULES = """
[rules.surge]
signal = 'sum by (brand) (m)'
above = 1
[rules.anger]
signal = 'sum by (brand) (n)'
above = 1
"""
BACKLASH = "[correlations.backlash]\nall = ['surge', 'anger']\non = ['brand']\n"


def correlation(text: str, rules: str = RULES) -> Correlation:
    (found,) = rule_set(rules + text).correlations.values()
    return found


def errors(text: str, rules: str = RULES) -> list[str]:
    return [error.problem for error in check_files({"a.toml": text, "b.toml": rules}).errors]


def warnings(text: str, rules: str = RULES) -> list[str]:
    return [warning.problem for warning in check_files({"a.toml": text, "b.toml": rules}).warnings]


def test_a_correlation_is_read_with_its_defaults_and_those_of_the_file() -> None:
    found = correlation("[defaults]\nowner = 'desk'\nlabels = { team = 'press' }\n" + BACKLASH)
    assert (found.title, found.at_least, found.notify, found.severity) == ("backlash", StageName.SECONDS, None, None)
    assert (found.owner, found.labels, found.kind, found.reopen) == ("desk", (("team", "press"),), Kind.HEALTH, 600_000)
    found = correlation(
        BACKLASH + "severity = 'critical'\nkind = 'risk'\nat_least = 'hours'\nreopen = '0s'\nnotify = []"
    )
    assert (found.severity, found.kind, found.at_least) == (Severity.CRITICAL, Kind.RISK, StageName.HOURS)
    assert (found.reopen, found.notify) == (0, ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[correlations.x]\nall = []", "2:7: all must name the rules that have to fire together"),
        ("[correlations.x]\nall = ['a', 'a']", "2:7: all names a rule twice"),
        ("[correlations.x]\nall = ['a', 'b']\nnone = ['b']", "3:8: none names b, which stands in all as well"),
        ("[correlations.x]\nall = 'a'", "2:7: all must be a list of names"),
        ("[correlations.x]\nall = ['a']\non = ['rule']", "3:6: on cannot join on rule: rtmd sets it"),
        ("[correlations.x]\nall = ['a']\non = ['bra nd']", '3:6: on has "bra nd": a label is named with'),
        ("[correlations.x]\nall = ['a']\non = ['b']\nlabels = { b = 'x' }", "4:10: labels sets b, which it joins on"),
        ("[correlations.x]\nall = ['a']\nat_lest = 'hours'", '3:1: at_lest is not known: did you mean "at_least"?'),
        ("[correlations.x]\nall = ['a']\nat_least = 'days'", '3:12: at_least must be one of "seconds"'),
        ("[correlations.x]\nall = ['a']\ntitle = '{b'", "3:9: title has a single brace"),
        ("[correlations.'rtmd.x']\nall = ['a']", "1:15: names that begin with rtmd. are reserved"),
        ("[correlation.x]\nall = ['a']", '1:2: correlation is not known: did you mean "correlations"?'),
        ("[rules.x]\nsignal = 'up'\n[correlations.x]\nall = ['a']", '3:15: the name "x" stands in a.toml:1 already'),
    ],
)
def test_mistakes_are_named_at_their_place(text: str, problem: str) -> None:
    (found,) = map(str, load_rules({"a.toml": text}).errors)
    assert found.removeprefix("a.toml:").startswith(problem)


def test_rules_that_no_file_has_are_named_with_the_nearest() -> None:
    assert errors(BACKLASH.replace("anger", "angre")) == [
        'backlash: all names the rule "angre", which no file has: did you mean "anger"?'
    ]
    assert errors(BACKLASH + "none = ['campaign']") == ['backlash: none names the rule "campaign", which no file has']
    assert errors(BACKLASH + "[correlations.x]\nall = ['backlash']") == [
        "x: all names backlash, which is a correlation: those join rules only"
    ]
    assert errors(BACKLASH) == []
    assert len(errors(BACKLASH, RULES + "above = 2")) == 1  # its rules cannot be read: nothing is said of the names


def test_what_keeps_it_from_firing_is_warned_of() -> None:
    assert warnings(BACKLASH + "at_least = 'hours'") == [
        "backlash: at_least is hours, and anger has no stage as high as that",
        "backlash: at_least is hours, and surge has no stage as high as that",
    ]
    assert warnings(BACKLASH, RULES.replace("(n)'", "(n)'\nshadow = true")) == [
        "backlash: all names anger, which is in shadow: its firings do not count"
    ]
    assert warnings(BACKLASH, RULES.replace("(n)'", "(n)'\nenabled = false")) == [
        "backlash: all names anger, which is not enabled: until it is, this cannot fire"
    ]
    assert warnings(BACKLASH, RULES.replace("sum by (brand) (n)", "sum by (site) (n)")) == [
        "backlash: joins on brand, which firings of anger do not have"
    ]
    assert warnings(BACKLASH) == []


def test_it_is_explained_in_words() -> None:
    text = explain_correlation(correlation(BACKLASH + "none = ['other']\nat_least = 'minutes'\nnotify = ['crisis']"))
    assert "fires       while surge and anger fire, each at minutes or higher" in text
    assert "unless      other fires" in text
    assert "joins on    brand" in text
    assert "tells       crisis" in text


def test_a_reload_says_what_became_of_it() -> None:
    before = rule_set(RULES + BACKLASH)
    after = rule_set(RULES + BACKLASH.replace("['brand']", "[]\nnotify = ['desk']"))
    assert str(difference(before, after, frozenset({"backlash"}))) == "changed backlash (on, notify); kept 2"
    assert str(difference(before, rule_set(RULES), frozenset({"backlash"}))) == "removed while firing backlash; kept 2"
    assert str(difference(rule_set(RULES), before, frozenset())) == "added backlash; kept 2"
    became = rule_set(RULES + "[rules.backlash]\nsignal = 'up'\nabove = 1")
    assert str(difference(before, became, frozenset())) == "changed backlash (a rule now); kept 2"


def test_correlations_that_fire_are_guarded_against_vanishing_like_rules() -> None:
    firing = frozenset({"surge", "anger", "backlash"})
    before = rule_set(RULES + BACKLASH)
    assert vanishing(before, rule_set(""), firing) == ("anger", "backlash", "surge")
    assert vanishing(before, before, firing) == ()


def test_receivers_and_actions_that_the_configuration_does_not_have_are_named() -> None:
    text = BACKLASH + "notify = ['cirsis', '@route']\nbrake = ['repply', 'hold']"
    found = check_correlations(rule_set(RULES + text), {"crisis"}, {"reply", "hold"})
    assert [error.problem for error in found] == [
        'backlash: brake names the action "repply", which the configuration does not have: did you mean "reply"?',
        'backlash: notify names the receiver "cirsis", which the configuration does not have: did you mean "crisis"?',
    ]
