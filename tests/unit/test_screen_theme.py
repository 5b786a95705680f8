"""Colours: every theme has every style, and what is written can be read on whatever it stands on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.color import Color

from tui.theme import ANSI, CONTRAST, DARK, LIGHT, THEMES, Theme, named, style, styles

VIEWS = sorted((Path(__file__).parents[2] / "tui").rglob("*.py"))
SURFACES = ("", "sel", "bar", "strip", "strip sel", "dim", "sel dim")


def luminance(colour: Color) -> float:
    """Relative luminance as WCAG 2 has it."""
    assert colour.triplet is not None
    parts = [part / 255 for part in colour.triplet]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """From 1 (the same) to 21 (black on white)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_wcag_does() -> None:
    black, white, grey = Color.parse("#000000"), Color.parse("#ffffff"), Color.parse("#777777")
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(grey, white) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("theme", "least"), [(DARK, 4.5), (LIGHT, 4.5), (CONTRAST, 7.0)], ids=["dark", "light", "hc"])
def test_every_text_can_be_read_on_everything_it_may_stand_on(theme: Theme, least: float) -> None:
    poor = {}
    for name in styles(theme.name):
        for surface in SURFACES:
            found = style(f"{name} {surface}", theme.name)
            assert found.color is not None
            grounds = [found.bgcolor] if found.bgcolor else [Color.parse(theme.background), Color.parse(theme.panel)]
            for ground in grounds:
                figure = contrast(found.color, ground)
                if figure < least:
                    poor[f"{name} {surface}", ground.name] = round(figure, 2)
    assert poor == {}


def test_the_surfaces_themselves_are_those_of_the_theme() -> None:
    assert style("sel", DARK.name).bgcolor == Color.parse(DARK.raised)
    assert style("bar", LIGHT.name).bgcolor == Color.parse(LIGHT.panel)


def test_all_themes_have_the_same_styles() -> None:
    assert {frozenset(styles(name)) for name in THEMES} == {frozenset(styles(DARK.name))}


def written(node: ast.AST) -> Iterator[str]:
    """The strings that an expression gives, as far as they are written out in it."""
    match node:
        case ast.Constant(value=str() as text):
            yield from text.split()
        case ast.IfExp(body=yes, orelse=no):
            yield from (*written(yes), *written(no))


def style_names(tree: ast.AST) -> Iterator[str]:
    """The style names that a module gives to its pieces."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Piece", "styled") and len(node.args) > 1:
            yield from written(node.args[1])


def test_every_style_that_a_view_names_exists() -> None:
    used = {name for path in VIEWS for name in style_names(ast.parse(path.read_text()))}
    assert {"quiet", "strong", "sel"} < used
    assert used <= set(styles(DARK.name))


@pytest.mark.parametrize("name", ["new", "stale", "nodata", "coach", "strip", "sel"])
def test_what_matters_shows_without_colours(name: str) -> None:
    assert style(name, ANSI.name).reverse


def test_what_is_weighty_is_bold_without_colours() -> None:
    for name in ("strong", "crit", "key", "head", "new", "stale"):
        assert style(name, ANSI.name).bold
    assert style("act", ANSI.name).underline


def test_the_own_palette_of_the_terminal_is_not_overruled() -> None:
    colours = [colour for each in styles(ANSI.name).values() for colour in (each.color, each.bgcolor) if colour]
    assert all(colour.triplet is None and (colour.number is None or colour.number < 16) for colour in colours)


def test_themes_are_found_by_short_names_too() -> None:
    assert named("light") is named("rtmd-light") is LIGHT
    assert named("ansi") is ANSI
    with pytest.raises(ValueError, match=r'there is no theme "rtmd-drak": did you mean "rtmd-dark"[?]'):
        named("rtmd-drak")
