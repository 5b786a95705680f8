"""The PromQL gate: what is understood, what is refused, and where."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from rtmd.errors import PromqlError
from rtmd.model.expr import Aggregate, Binary, Call, Matching, Negate, Number, Selector
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.promql import has_window, parse, show


def metric(name: str, *more: Matcher) -> Selector:
    return Selector(tuple(sorted((Matcher("__name__", MatchOp.EQUAL, name), *more))))


def test_a_signal_becomes_a_tree_with_its_window_in_milliseconds() -> None:
    rate = Call("rate", metric("mentions_total"), 30_500)
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
        ("rate(a[90])", Call("rate", metric("a"), 90_000)),
        ("rate(a[1.001])", Call("rate", metric("a"), 1_001)),
        ("a # why\n * 2", Binary("*", metric("a"), Number(2.0))),
    ],
)
def test_understood(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "at", "problem"),
    [
        ("a offset 5m", "offset", "not supported: the offset modifier"),
        ("b + rate(a[5m] offset 1m)", "offset", "not supported: the offset modifier"),
        ("a @ 3", "@", "not supported: the @ modifier"),
        ("rate(sum(x)[5m:])", ":", "not supported: a subquery"),
        ("1 + topk(3, a)", "topk", "not supported: the aggregation topk"),
        ("a / histogram_quantile(0.9, b)", "histogram_quantile", "not supported: the function histogram_quantile"),
        ("a * on(x) group_left(y) b", "group_left", "not supported: group_left"),
        ("a * fill(1) b", "fill", "not supported: the fill modifier"),
        ("a atan2 b", "atan2", "not supported: the operator atan2"),
        ('a + "x"', "", "scalar"),
        ('"x"', '"x"', "not supported: a string"),
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
    assert text[tree.offset] == "-"
    assert text[tree.left.offset] == "+"
    assert tree.left.left.child.offset == text.index("x) +")
    assert tree.right.offset == text.index("rate")
    assert tree.right.selector.offset == text.index("x{")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "x" + ")" * 100_000,
        "(" * 100_000,
        "-" * 1_990 + "x",
        "-" * 100_000 + "x",
        "+".join(["x"] * 900),
        "2^" * 900 + "2",
        "{" * 100_000,
        'x{a="' + "(" * 100_000 + '"}',
        'x{a=~"' + "(" * 100_000 + '"}',
        "x" * 300_000,
        "[" * 65,
        "sum " * 1_000,
        "9" * 100_000,
        "9" * 50 + "d",
    ],
)
def test_hostile_text_is_refused_or_understood_fast(text: str) -> None:
    began = time.perf_counter()
    with suppress(PromqlError):
        parse(text, window=1)
    assert time.perf_counter() - began < 1


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
