"""Durations and titles: the small texts of configuration and rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmd.model.duration import parse_duration, show_duration
from rtmd.model.title import LIMIT, render_title, title_problem


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90_000),
        ("2h", 7_200_000),
        ("3d", 259_200_000),
        ("1h30m", 5_400_000),
        ("500ms", 500),
        ("0", 0),
        ("1w", 604_800_000),
    ],
)
def test_durations_are_milliseconds(text: str, length: int) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1.5h", "-1s", "30m1h", "1s1s", "1 s", "9" * 16 + "d", "999999999y", "٣s"]
)
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)


@given(st.integers(0, 10**12))
def test_a_duration_is_shown_exactly(length: int) -> None:
    assert parse_duration(show_duration(length)) == length


def test_a_title_is_filled_with_labels_and_values() -> None:
    labels = (("brand", "acme"), ("value", "label"))
    values = {"value": "9 312", "stage": "minutes", "threshold": "> 80", "unit": "%"}
    assert render_title("{brand}: {value} {unit} {threshold} in {stage}{none} {{x}}", labels, values) == (
        "acme: 9 312 % > 80 in minutes {x}"
    )


def test_labels_are_not_templates_themselves() -> None:
    assert render_title("{a}", (("a", "{b}"), ("b", "x")), {}) == "{b}"


def test_a_title_is_never_longer_than_its_limit() -> None:
    assert len(render_title("{a}" * 100, (("a", "x" * 1000),), {})) == LIMIT


@pytest.mark.parametrize("template", ["{", "}", "{a", "{a.b}", "{a!r}", "{a:>9}", "{0}", "{}", "a\nb", "x" * 2000])
def test_what_is_no_template_has_a_problem(template: str) -> None:
    assert title_problem(template)


def test_a_good_template_has_none() -> None:
    assert title_problem("{brand}: {{ {value} }}") is None


@given(st.text(max_size=60), st.text(max_size=20))
def test_rendering_never_raises(template: str, value: str) -> None:
    assert len(render_title(template, (("a", value),), {"value": value})) <= LIMIT
