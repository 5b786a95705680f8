"""Random expressions over the whole grammar, from whatever selectors, label names and lengths a test has."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import strategies as st

from rtmd.model.expr import (
    COMPARISONS,
    HERE,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Edge,
    Expr,
    Many,
    Matching,
    Negate,
    Number,
    Range,
    Selector,
    Shift,
    String,
    Subquery,
)
from rtmd.model.functions import AGGREGATIONS, DATES, MATH, RANGES, Kind
from rtmd.model.replace import replace

Exprs = st.SearchStrategy[Expr]

PLAIN_AGGREGATIONS = sorted(name for name, parameter in AGGREGATIONS.items() if parameter is None)
ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"]
ONE_VECTOR = sorted({*MATH, *DATES, "absent", "timestamp", "sort", "sort_desc"})
PATTERNS = st.sampled_from(["(.*)", "(1|2)", "x(.)?", ""])
TEMPLATES = st.sampled_from(["$1", "a$1", "", "2"])
SEPARATORS = st.sampled_from(["", "-"])
NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 5.0, 0.5, -1.5, math.nan, math.inf])


@dataclass(frozen=True)
class Words:
    """What expressions are made of."""

    selectors: st.SearchStrategy[Selector]
    labels: st.SearchStrategy[str]
    windows: st.SearchStrategy[int]
    shifts: st.SearchStrategy[Shift]
    subqueries: st.SearchStrategy[tuple[int, int]]  # range and step
    numbers: st.SearchStrategy[float] = NUMBERS
    patterns: st.SearchStrategy[str] = PATTERNS
    templates: st.SearchStrategy[str] = TEMPLATES
    texts: st.SearchStrategy[str] = SEPARATORS


def shifts(back: st.SearchStrategy[int], at: st.SearchStrategy[int]) -> st.SearchStrategy[Shift]:
    """Mostly none; an offset with a fixed time is folded into it, as the gate does."""
    moved = st.builds(Shift, back, st.none() | st.sampled_from(Edge))
    return st.just(HERE) | st.just(HERE) | st.just(HERE) | moved | st.builds(Shift, st.just(0), at)


def expressions(words: Words, leaves: int = 5) -> Exprs:
    """Vectors."""
    return st.recursive(_leaves(words), lambda below: _compounds(words, below), max_leaves=leaves)


def scalars(words: Words, vectors: Exprs) -> Exprs:
    """Numbers of any kind."""
    plain = words.numbers.map(Number) | st.sampled_from([Call("time"), Call("pi")])
    looked_up = vectors.map(lambda vector: Call("scalar", (vector,)))
    some = weighted((plain, 3), (looked_up, 1))
    return weighted((some, 4), (st.builds(Binary, st.sampled_from(ARITHMETIC), some, some), 1), (some.map(negated), 1))


def negated(expr: Expr) -> Expr:
    return Number(-expr.value) if isinstance(expr, Number) else Negate(expr)


def groups(words: Words) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(words.labels, max_size=2).map(lambda names: tuple(sorted(names)))


def _shifted(words: Words) -> st.SearchStrategy[Selector]:
    return st.builds(lambda selector, shift: replace(selector, shift=shift), words.selectors, words.shifts)


def _leaves(words: Words) -> Exprs:
    selectors = _shifted(words)
    ranges = st.builds(Range, selectors, words.windows)
    numbers = words.numbers.map(Number)
    return weighted(
        (selectors, 4),
        (st.builds(lambda name, ranged: Call(name, (ranged,)), st.sampled_from(sorted(RANGES)), ranges), 4),
        (st.builds(lambda number, ranged: Call("quantile_over_time", (number, ranged)), numbers, ranges), 1),
        (st.builds(lambda number, ranged: Call("predict_linear", (ranged, number)), numbers, ranges), 1),
    )


def _compounds(words: Words, below: Exprs) -> Exprs:
    numbers = scalars(words, below)
    return weighted(
        (_aggregates(words, below, numbers), 4),
        (_calls(below, numbers), 3),
        (_labelled(words, below), 1),
        (_over_subqueries(words, below, numbers), 3),
        (below.map(Negate), 1),
        (_binaries(words, below, numbers), 6),
        (numbers.map(lambda number: Call("vector", (number,))), 1),
    )


def weighted(*choices: tuple[Exprs, int]) -> Exprs:
    """One of these, as often as its weight says (`one_of` would look into them, and weigh what it finds)."""
    expanded = [choice for choice, weight in choices for _ in range(weight)]
    return st.integers(0, len(expanded) - 1).flatmap(expanded.__getitem__)


def _aggregates(words: Words, below: Exprs, numbers: Exprs) -> Exprs:
    names, without = groups(words), st.booleans()
    ranked = st.sampled_from([name for name, kind in AGGREGATIONS.items() if kind is Kind.SCALAR])
    return st.one_of(
        st.builds(Aggregate, st.sampled_from(PLAIN_AGGREGATIONS), below, names, without),
        st.builds(Aggregate, ranked, below, names, without, numbers),
        # Values become labels, so they must not depend on the order in which they were added up.
        st.builds(Aggregate, st.just("count_values"), below.map(whole), names, without, words.labels.map(String)),
    )


def whole(expr: Expr) -> Expr:
    if isinstance(expr, Selector):
        return expr
    return Call("clamp", (Call("round", (expr, Number(1.0))), Number(0.0), Number(5.0)))


def _calls(below: Exprs, numbers: Exprs) -> Exprs:
    return st.one_of(
        st.builds(lambda name, vector: Call(name, (vector,)), st.sampled_from(ONE_VECTOR), below),
        st.builds(
            lambda name, vector, number: Call(name, (vector, number)),
            st.sampled_from(["round", "clamp_min", "clamp_max"]),
            below,
            numbers,
        ),
        st.builds(lambda vector, low, high: Call("clamp", (vector, low, high)), below, numbers, numbers),
        st.builds(lambda number, vector: Call("histogram_quantile", (number, vector)), numbers, below),
        st.builds(lambda low, high, vector: Call("histogram_fraction", (low, high, vector)), numbers, numbers, below),
    )


def _labelled(words: Words, below: Exprs) -> Exprs:
    replacing = st.tuples(
        below, *(_text(each) for each in (words.labels, words.templates, words.labels, words.patterns))
    )
    joining = st.builds(
        lambda vector, target, sep, sources: (vector, String(target), String(sep), *map(String, sources)),
        below,
        words.labels,
        words.texts,
        st.lists(words.labels, max_size=2),
    )
    return replacing.map(lambda parts: Call("label_replace", parts)) | joining.map(
        lambda parts: Call("label_join", parts)
    )


def _text(texts: st.SearchStrategy[str]) -> st.SearchStrategy[String]:
    return texts.map(String)


def _over_subqueries(words: Words, below: Exprs, numbers: Exprs) -> Exprs:
    ranges = st.builds(
        lambda child, lengths, shift: Subquery(child, *lengths, shift), below, words.subqueries, words.shifts
    )
    return st.one_of(
        st.builds(lambda name, ranged: Call(name, (ranged,)), st.sampled_from(sorted(RANGES)), ranges),
        st.builds(lambda number, ranged: Call("quantile_over_time", (number, ranged)), numbers, ranges),
    )


def _binaries(words: Words, below: Exprs, numbers: Exprs) -> Exprs:
    arithmetic, comparisons = st.sampled_from(ARITHMETIC), st.sampled_from(sorted(COMPARISONS))
    names = groups(words)
    plain = st.builds(Matching, names, st.booleans())
    many = st.builds(
        lambda names, on, side, included: Matching(
            names, on, side, tuple(name for name in included if name not in names or not on)
        ),
        names,
        st.booleans(),
        st.sampled_from(Many),
        names,
    )
    flags = st.booleans()
    no_matching = st.none()
    return st.one_of(
        st.builds(Binary, arithmetic, below, numbers),
        st.builds(Binary, arithmetic, numbers, below),
        st.builds(Binary, comparisons, below, numbers, no_matching, flags),
        st.builds(Binary, comparisons, numbers, below, no_matching, flags),
        st.builds(Binary, arithmetic, below, below, plain | many),
        st.builds(Binary, comparisons, below, below, plain | many, flags),
        st.builds(Binary, st.sampled_from(sorted(SET_OPERATORS)), below, below, plain),
    )
