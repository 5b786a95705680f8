"""Matchers: text to value, value to function."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmd.errors import MatcherError
from rtmd.matching import compile_matchers, is_wildcard, parse_matcher, parse_matchers
from rtmd.model.labels import labels_of
from rtmd.model.matcher import Matcher, MatchOp

ACME = labels_of({"brand": "acme", "severity": "critical"})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('brand="acme"', True),
        ('brand="acm"', False),
        ('brand!="acme"', False),
        ('brand=~"ac.*"', True),
        ('brand=~"cm"', False),  # anchored
        ('brand!~"x|y"', True),
        ('absent=""', True),
        ('absent!=""', False),
        ('absent=~"x?"', True),
        ("brand=acme", True),
        ("{brand=acme, severity=~'crit.*'}", True),
        ('{brand="acme",severity="info"}', False),
        ("", True),
    ],
)
def test_all_matchers_must_hold_and_a_missing_label_is_empty(text: str, *, holds: bool) -> None:
    assert compile_matchers(parse_matchers(text))(ACME) is holds


@pytest.mark.parametrize(
    "text",
    [
        "brand",
        "brand=",
        "=x",
        'brand="a',
        'brand="a" severity="b"',
        "{brand=a",
        'brand=~"(a"',
        'brand=~"(?=a)"',
        "a==b",
    ],
)
def test_malformed_matchers_are_refused_with_a_text(text: str) -> None:
    if text == "brand=":
        assert parse_matcher(text).value == ""  # amtool: brand= is the absent label
        return
    with pytest.raises(MatcherError, match=r"\w"):
        parse_matchers(text)


def test_parse_matcher_wants_exactly_one() -> None:
    with pytest.raises(MatcherError, match="one matcher"):
        parse_matcher('a="b",c="d"')


def test_a_dot_matches_a_line_break_too() -> None:
    assert compile_matchers((Matcher("a", MatchOp.REGEX, "x.y"),))((("a", "x\ny"),))


def test_a_lone_surrogate_does_not_break_a_pattern() -> None:
    assert compile_matchers((Matcher("a", MatchOp.REGEX, ".+"),))((("a", "\ud800"),))


def test_a_bad_pattern_is_reported_when_compiling() -> None:
    with pytest.raises(MatcherError, match="not a regular expression"):
        compile_matchers((Matcher("a", MatchOp.NOT_REGEX, "["),))


def test_wildcards_match_the_empty_string() -> None:
    assert is_wildcard(parse_matcher('a=~".*"'))
    assert is_wildcard(parse_matcher('a!="x"'))
    assert not is_wildcard(parse_matcher('a=~".+"'))
    assert not is_wildcard(parse_matcher('a="x"'))


def test_patterns_that_explode_elsewhere_do_not() -> None:
    matches = compile_matchers((parse_matcher(r'a=~"(\\w+\\s?)*:"'),))
    assert not matches((("a", "x" * 5000),))  # elsewhere this goes on for ever


@given(
    st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True) | st.text(min_size=1),
    st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]),
    st.text(),
)
def test_what_a_matcher_prints_is_what_it_reads(name: str, op: MatchOp, value: str) -> None:
    if "\r" in value or any(ord(sign) < 0x20 for sign in value):
        value = value.replace("\r", "")
    matcher = Matcher(name, op, value)
    assert parse_matcher(str(matcher)) == matcher
