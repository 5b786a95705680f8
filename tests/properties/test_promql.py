"""The gate over random trees and random text."""

from __future__ import annotations

import math

from grammar import Words, expressions, scalars, shifts, weighted
from hypothesis import given, note, settings
from hypothesis import strategies as st

from rtmd.errors import PromqlError
from rtmd.model.expr import Aggregate, Binary, Call, Expr, Number, Selector, String
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.promql import check, parse, show

NAMES = st.sampled_from(["a", "b:c", "sum", "by", "rate", "inf", "bool", "offset", "foo.bar", "ü x", 'q"u\\o'])
LABELS = st.sampled_from(["a", "b", "le", "and", "by", "on", "nan", "sum", "x.y", "group_left", "end"])
WINDOWS = st.integers(1, 10**12)
GROUPS = st.sets(LABELS, max_size=3).map(lambda names: tuple(sorted(names)))


@st.composite
def selectors(draw: st.DrawFn) -> Selector:
    plain = st.builds(Matcher, LABELS, st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), st.text(max_size=5))
    pattern = st.builds(
        Matcher, LABELS, st.sampled_from([MatchOp.REGEX, MatchOp.NOT_REGEX]), st.sampled_from([".*", "a|b", r"\d+\."])
    )
    more = draw(st.lists(plain | pattern, max_size=3))
    return Selector(tuple(sorted({Matcher("__name__", MatchOp.EQUAL, draw(NAMES)), *more})))


TIMES = st.integers(-(10**12), 10**13)
WORDS = Words(
    selectors=selectors(),
    labels=LABELS,
    windows=WINDOWS,
    shifts=shifts(st.integers(-(10**10), 10**10), TIMES),
    subqueries=st.tuples(st.integers(1, 10**7), st.integers(1_000, 10**8)),
    numbers=st.floats(allow_nan=False),
    texts=st.text(max_size=3),
)
VECTORS = expressions(WORDS, leaves=12)
TREES = weighted((VECTORS, 5), (scalars(WORDS, VECTORS), 1), (st.text(max_size=5).map(String), 1))


@settings(max_examples=300)
@given(TREES)
def test_what_is_shown_reads_back_as_the_same_tree(tree: Expr) -> None:
    note(show(tree))
    check(tree)
    assert parse(show(tree)) == tree


@settings(max_examples=200)
@given(TREES)
def test_every_offset_lies_on_the_construct(tree: Expr) -> None:
    text = show(tree)
    found = parse(text)
    if isinstance(found, Binary):
        assert text.startswith(found.op, found.offset)
    if isinstance(found, Call):
        assert text.startswith(found.function, found.offset)
    if isinstance(found, Aggregate):
        assert text.startswith(found.op, found.offset)
    if isinstance(found, Number) and math.isfinite(found.value):
        assert text[found.offset] in "-0123456789"


def outcome(text: str) -> tuple[Expr | None, PromqlError | None]:
    try:
        return parse(text, window=60_000), None
    except PromqlError as error:
        return None, error


PIECES = st.sampled_from(
    [
        *"()[]{},:+-*/%^=<>!~@$#\"'`\\ \n",
        "rate",
        "sum",
        "by",
        "on",
        "and",
        "bool",
        "offset",
        "$window",
        "5m",
        "1e3",
        "x",
        "0x",
        "inf",
        "group_left",
        "topk",
        "=~",
        "§1",
        "ü",
        "�",
        "\x00",
        '"a"',
        "fill",
        "start",
        "end",
        "@",
        "time()",
        "[5m:1m]",
        "histogram_quantile",
        "count_values",
        "label_replace",
    ]
)


@settings(max_examples=600)
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40))
def test_random_text_raises_nothing_but_promql_errors(text: str) -> None:
    tree, error = outcome(text)
    if error is not None:
        assert 0 <= error.offset <= len(text)
    if tree is not None:
        assert show(parse(show(tree))) == show(tree)
