"""The PromQL gate: what is understood, what is refused, and where."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from steps import growth

from rtmd.errors import PromqlError
from rtmd.model.expr import (
    Aggregate,
    Binary,
    Call,
    Edge,
    Many,
    Matching,
    Negate,
    Number,
    Range,
    Selector,
    Shift,
    String,
    Subquery,
    over,
)
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.replace import replace
from rtmd.promql import has_window, parse, show


def metric(name: str, *more: Matcher) -> Selector:
    return Selector(tuple(sorted((Matcher("__name__", MatchOp.EQUAL, name), *more))))


def shifted(name: str, back: int = 0, at: int | Edge | None = None) -> Selector:
    return replace(metric(name), shift=Shift(back, at))


def test_a_signal_becomes_a_tree_with_its_window_in_milliseconds() -> None:
    rate = over("rate", metric("mentions_total"), 30_500)
    assert parse("sum by (b, a) (rate(mentions_total[$window])) * 60", window=30_500) == Binary(
        "*", Aggregate("sum", rate, ("a", "b")), Number(60.0)
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("0x1F", Number(31.0)),
        ("1e3", Number(1000.0)),
        ("-Inf", Number(float("-inf"))),
        ("-(2)", Number(-2.0)),
        ("500ms", Number(0.5)),
        ("-2 ^ 2", Negate(Binary("^", Number(2.0), Number(2.0)))),
        ("a and on (b) c", Binary("and", metric("a"), metric("c"), Matching(("b",), on=True))),
        ("a + b", Binary("+", metric("a"), metric("b"), Matching())),
        ("a > bool 1", Binary(">", metric("a"), Number(1.0), None, returns_bool=True)),
        ("SUM(a) without (b)", Aggregate("sum", metric("a"), ("b",), without=True)),
        ('{"foo.bar", x!~"a|b"}', metric("foo.bar", Matcher("x", MatchOp.NOT_REGEX, "a|b"))),
        (r"x{a=`b\d`}", metric("x", Matcher("a", MatchOp.EQUAL, r"b\d"))),
        (r'x{a="\u00e9\x41\303\251"}', metric("x", Matcher("a", MatchOp.EQUAL, "éAé"))),
        ("rate(a[90])", over("rate", metric("a"), 90_000)),
        ("rate(a[1.001])", over("rate", metric("a"), 1_001)),
        ("a # why\n * 2", Binary("*", metric("a"), Number(2.0))),
        ("a atan2 b", Binary("atan2", metric("a"), metric("b"), Matching())),
        ('"x"', String("x")),
        ("a offset 5m", shifted("a", 300_000)),
        ("a offset -90", shifted("a", -90_000)),
        ("a @ 3", shifted("a", at=3_000)),
        ("a @ -1.5 offset 1s", shifted("a", at=-2_500)),
        ("a offset 1s @ start()", shifted("a", 1_000, Edge.START)),
        ("offset offset 5m", shifted("offset", 300_000)),
        ("offset - 5", Binary("-", metric("offset"), Number(5.0))),
        ("rate(a[5m] offset 1m)", over("rate", shifted("a", 60_000), 300_000)),
        ("rate(a[5m:])", Call("rate", (Subquery(metric("a"), 300_000, 60_000),))),
        ("rate(a[300:0.5] @ end())", Call("rate", (Subquery(metric("a"), 300_000, 500, Shift(0, Edge.END)),))),
        ("topk by (x) (3, a)", Aggregate("topk", metric("a"), ("x",), parameter=Number(3.0))),
        ('count_values("v", a)', Aggregate("count_values", metric("a"), parameter=String("v"))),
        ("round(a)", Call("round", (metric("a"), Number(1.0)))),
        ("minute()", Call("minute", (Call("vector", (Call("time"),)),))),
        (
            "a * on (x) group_left (z, y) b",
            Binary("*", metric("a"), metric("b"), Matching(("x",), True, Many.LEFT, ("y", "z"))),  # noqa: FBT003
        ),
        (
            "sum(vector(time())) by (x) < bool ignoring (y) group_right x",
            Binary(
                "<",
                Aggregate("sum", Call("vector", (Call("time"),)), ("x",)),
                metric("x"),
                Matching(("y",), many=Many.RIGHT),
                returns_bool=True,
            ),
        ),
    ],
)
def test_understood(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "at", "problem"),
    [
        ("1 + limitk(3, a)", "limitk", "not supported: the aggregation limitk (experimental)"),
        ("a / mad_over_time(b[5m])", "mad_over_time", "not supported: the function mad_over_time (experimental)"),
        ("a / histogram_sum(b)", "histogram_sum", "not supported: the function histogram_sum (native histograms)"),
        ("a / holt_winters(b[5m], 1, 1)", "holt_winters", "not supported: the function holt_winters"),
        ("start() + a", "start", "not supported: the function start (experimental)"),
        ("a + sum(b)[5m:1m]", "", "scalar"),
        ("sum(b)[5m:1m]", "[", "only stand inside a function"),
        ("rate(b[5m:0s])", "0s", "at least 1ms"),
        ("rate(b[5d:1s])", "[", "at most 11,000 steps"),
        ("a offset 1e300", "1e300", "too far away"),
        ('label_replace(a, "", "$1", "b", "(.*)")', '""', "must not be empty"),
        ('label_replace(a, "c", "$1", "b", "(")', '"("', "not a regular expression"),
        ("round(a, b)", "round", "expected type scalar"),
        ("a * fill(1) b", "fill", "not supported: the fill modifier"),
        ('a + "x"', "", "scalar"),
        ('a{b="c" or d="e"}', "or d", 'not supported: "or"'),
        ("a[5m]", "[", "only stand inside a function"),
        ("sum(a[5m])", "[", "only stand inside a function"),
        ("a + rate(b)", "rate", "needs a selector with a range"),
        ("sum(a) + (1 > 2)", ">", 'needs "bool"'),
        ("a and 1", "and", "set operator"),
        ("sum(1)", "", "vector"),
        ("017 + a", "017", "leading zero"),
        ("a > 1e999", "1e999", "out of range"),
        ('a + {b=~".*"}', "{", "does not match the empty string"),
        ('a{b=~"("}', '"("', "not a regular expression"),
        ('{"x", "y"}', "{", "set twice"),
        ("a + $window", "$window", "no value"),
        ("a[$win]", "$win", "only $window"),
        ("a + (b", "(", "never closed"),
        ("a + b)", ")", "closes nothing"),
        ('a{b="c}', '"c', "never closed"),
        ("a + ü", "ü", "unexpected character"),
        ("a b", "", "not a PromQL expression"),
        ("", "", "empty"),
        ('a{b="\\q"}', "\\q", "unknown escape"),
        ("rate(a[0s])", "0s", "at least 1ms"),
    ],
)
def test_refused_with_its_place(text: str, at: str, problem: str) -> None:
    with pytest.raises(PromqlError) as caught:
        parse(text)
    assert problem in caught.value.problem
    assert caught.value.offset == (text.index(at) if at else caught.value.offset)


def test_nodes_know_where_they_stand() -> None:
    text = "sum by (sum, x) (x) + max(x) by (and) - rate(x{and='x'}[5m])"
    tree = parse(text)
    assert isinstance(tree, Binary)
    assert isinstance(tree.left, Binary)
    assert isinstance(tree.left.left, Aggregate)
    assert isinstance(tree.right, Call)
    assert isinstance(tree.right.arguments[0], Range)
    assert text[tree.offset] == "-"
    assert text[tree.left.offset] == "+"
    assert tree.left.left.child.offset == text.index("x) +")
    assert tree.right.offset == text.index("rate")
    assert tree.right.arguments[0].selector.offset == text.index("x{")


HOSTILE: dict[str, Callable[[int], str]] = {
    "closed parentheses": lambda size: "(" * size + "x" + ")" * size,
    "parentheses": lambda size: "(" * size,
    "few signs": lambda size: "-" * min(size, 1_990) + "x",
    "signs": lambda size: "-" * size + "x",
    "sums": lambda size: "+".join(["x"] * min(size, 900)),
    "powers": lambda size: "2^" * min(size, 900) + "2",
    "braces": lambda size: "{" * size,
    "a value": lambda size: 'x{a="' + "(" * size + '"}',
    "a pattern": lambda size: 'x{a=~"' + "(" * size + '"}',
    "a name": lambda size: "x" * size,
    "brackets": lambda size: "[" * size,
    "words": lambda size: "sum " * size,
    "a number": lambda size: "9" * size,
    "a length": lambda size: "9" * size + "d",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_is_refused_or_understood(kind: str) -> None:
    read(HOSTILE[kind](100_000))


@pytest.mark.parametrize("kind", HOSTILE)
def test_twice_the_hostile_text_is_at_most_twice_the_work(kind: str) -> None:
    assert growth(lambda size: read(HOSTILE[kind](size)), 400) <= 2.5


def read(text: str) -> None:
    with suppress(PromqlError):
        parse(text, window=1)


def test_window_is_found_outside_of_strings_only() -> None:
    assert has_window("rate(a[$window])")
    assert not has_window('a{b="$window"}')
    assert not has_window("rate(a[5m])")
    assert has_window("rate(a[$window]")  # broken, and still about a window


def test_equal_signals_are_equal_trees_wherever_they_stand() -> None:
    assert parse('(  a{y="1", x="2"} )') == parse('a{x="2",y="1",x="2"}')
    assert hash(parse("a + b")) == hash(parse("(a)+(b)"))
    assert parse("a + on () b") != parse("a + b")


def test_printing_keeps_milliseconds() -> None:
    assert show(parse("avg_over_time(x[1h1ms])")) == "avg_over_time(x[1h1ms])"
