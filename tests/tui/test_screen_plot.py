"""The plot: every value counts, gaps stay gaps, levels are where they belong, and it fits whatever the room."""

from __future__ import annotations

import msgspec
import pytest
import world
from hypothesis import example, given
from hypothesis import strategies as st

from rtmd.wire import FiringView
from rtmd.wire.curves import CurveView
from rtmd.wire.marks import MarkView
from tui.view.curve import curve, heading, signs
from tui.view.glyphs import ASCII, UNICODE, Glyphs
from tui.view.line import cell_len, plain
from tui.view.moment import Moment
from tui.view.plot import Level, plot, spans

NOW = Moment(0, world.WALL, world.AT)
THRESHOLD = Level(5.0, "thr", "warn", "-")


def drawn(values: list[float | None], levels: list[Level], glyphs: Glyphs = ASCII, rows: int = 5) -> str:
    return "\n".join(plain(line).rstrip() for line in plot(values, levels, cells=30, rows=rows, glyphs=glyphs))


def test_a_curve_is_drawn_over_its_levels_with_a_scale() -> None:
    assert drawn([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [THRESHOLD, Level(2.5, "clear", "quiet", ".")]) == (
        "  10+                ***\n"
        "    |           ******\n"
        "   5+-------*****------- thr\n"
        " 2.5+..******........... clear\n"
        "   0+***"
    )


def test_in_braille_a_cell_has_four_by_two_dots() -> None:
    [line] = plot([0.0, 3.0], [], cells=11, rows=1, glyphs=UNICODE)
    assert plain(line) == " 3┤⣰⠚"


def test_a_gap_stays_a_gap_and_a_spike_between_two_columns_is_seen() -> None:
    assert spans([1.0, None, None, None, 1.0], 5) == [(1, 1), None, None, None, (1, 1)]
    values: list[float | None] = [0.0] * 1000
    values[500] = 99.0
    found = spans(values, 10)
    assert max(each[1] for each in found if each is not None) == 99.0
    assert [each for each in found if each is not None and each[1] == 0.0]


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@example([5e-324, 0.0], [], 40, 3)
@example([1.7e308] * 3, [], 40, 3)
@example([1.7e308, -1.7e308], [0.0], 40, 3)
@given(st.lists(numbers, max_size=40), st.lists(numbers, max_size=2), st.integers(20, 90), st.integers(1, 9))
def test_whatever_the_numbers_it_has_its_rows_and_fits(
    values: list[float | None], levels: list[float | None], cells: int, rows: int
) -> None:
    lines = [Level(value, "clear", "quiet", "-") for value in levels if value is not None]
    for glyphs in (ASCII, UNICODE):
        shown = plot(values, lines, cells=cells, rows=rows, glyphs=glyphs)
        assert len(shown) == rows
        assert all(cell_len(plain(line)) <= cells for line in shown)


@given(st.lists(numbers, min_size=1, max_size=300), st.integers(2, 60))
def test_what_is_drawn_are_the_lowest_and_the_highest_value(values: list[float | None], columns: int) -> None:
    known = [value for value in values if value is not None]
    found = [each for each in spans(values, columns) if each is not None]
    assert bool(found) is bool(known)
    if known:
        assert min(low for low, _ in found) == min(known)
        assert max(high for _, high in found) == max(known)


def view(firing: FiringView, **changes: object) -> CurveView:
    return msgspec.structs.replace(world.curve(firing), **changes)


def test_transitions_and_marks_are_numbered_under_their_time() -> None:
    firing = world.firing("f1", "S..", labels={"brand": "acme"})
    deploy = MarkView("m1", world.WALL - 10 * world.MINUTE, "deploy", "v2.3 is live", {"brand": "acme"}, "bo")
    elsewhere = MarkView("m2", world.WALL - world.MINUTE, "event", "kick-off", {"brand": "other"})
    happened = signs(firing, [deploy, elsewhere], NOW)
    assert [sign.caption for sign in happened] == ["deploy: v2.3 is live (bo)", "seconds fired"]
    text = [plain(line) for line in curve(view(firing), happened, NOW, cells=100, rows=6, glyphs=UNICODE)]
    row = text[7]
    assert row.split() == ["1", "2"]
    assert 0.6 < (row.index("1") - 5) / 88 < 0.72
    assert "1 13:53:07Z deploy: v2.3 is live (bo)   2 14:02:07Z seconds fired" in text[8]
    assert "13:33Z" in text[6]
    assert "14:03Z" in text[6]


def test_signs_at_one_time_stand_beside_each_other_and_the_latest_twelve_are_shown() -> None:
    firing = world.firing("f1", "...", labels={})
    marks = [MarkView(f"m{each}", world.WALL - world.MINUTE, "event", str(each)) for each in range(20)]
    lines = curve(view(firing), signs(firing, marks, NOW), NOW, cells=60, rows=4, glyphs=ASCII)
    assert sorted("".join(plain(lines[5]).split())) == sorted("123456789abc")


@pytest.mark.parametrize("problem", ["its rule is gone", ""])
def test_without_values_it_says_why(problem: str) -> None:
    empty = CurveView("f1", "seconds", "m", 0, 1000, [None, None], [], [], problem)
    assert [plain(line).strip() for line in curve(empty, [], NOW, cells=60, rows=4, glyphs=UNICODE)] == [
        problem or "no values in that time"
    ]
    assert plain(heading(CurveView("f1"), 60, UNICODE)) == " signal"
