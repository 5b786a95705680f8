"""Themes on the living screen: chosen, switched, and left out where nobody wants colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_daemon import FakeDaemon
from rich.color import Color
from rich.segment import Segment
from seat import Seat, sitting

from tui.app import RtmdApp
from tui.options import Options
from tui.theme import ANSI, CONTRAST, DARK, LIGHT, THEMES, Theme


def segments(seat: Seat) -> list[Segment]:
    """Everything on the screen, before Textual adapts it to the terminal."""
    return [segment for strip in seat.app.screen._compositor.render_strips() for segment in strip if segment.text]


def colours(seat: Seat) -> set[str]:
    """The names of all colours on the screen."""
    styles = [segment.style for segment in segments(seat) if segment.style]
    return {colour.name for style in styles for colour in (style.color, style.bgcolor) if colour}


async def wears(seat: Seat, theme: Theme) -> None:
    """Wait until nothing on the screen has a colour of another theme; the header and the list have this one's."""
    own = {theme.background, theme.panel, theme.raised, theme.text, theme.bright, theme.quiet, theme.action}
    own |= {theme.crit, theme.warn, theme.info}
    await seat.until(lambda: {theme.background, theme.crit, theme.panel} <= colours(seat) <= own)


@pytest.mark.parametrize("theme", [LIGHT, CONTRAST], ids=lambda theme: theme.name)
async def test_a_theme_asked_for_is_there_from_the_first_line(tmp_path: Path, theme: Theme) -> None:
    async with sitting(tmp_path, FakeDaemon(), options=Options(theme=theme.name)) as seat:
        await seat.sees("negative-share")
        await wears(seat, theme)


async def test_a_switch_in_the_palette_reaches_what_was_drawn_before_on_every_screen(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon()) as seat:
        await seat.sees("negative-share")
        await seat.press("2")
        await seat.sees("gc-pause", "10 rules")
        await seat.press(":", *"theme light", "enter")
        await seat.sees("colours: rtmd-light")
        assert seat.app.theme == LIGHT.name
        seat.app.clear_notifications()
        for key, text in (("1", "negative-share"), ("2", "10 rules")):
            await seat.press(key)
            await seat.sees(text)
            await seat.until(lambda: LIGHT.background in colours(seat))
            assert not {DARK.background, DARK.text, DARK.panel} & colours(seat)
        await seat.press("1", ":", *"theme dark", "enter")
        await seat.sees("negative-share", "colours: rtmd-dark")
        seat.app.clear_notifications()
        await wears(seat, DARK)


async def test_the_terminals_own_palette_is_used_as_it_is(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), options=Options(theme="ansi")) as seat:
        await seat.sees("negative-share")
        assert seat.app.native_ansi_color
        await seat.until(lambda: "red" in colours(seat))
        assert not any(name.startswith("#") for name in colours(seat))


async def test_no_color_leaves_bold_reverse_and_underline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with sitting(tmp_path, FakeDaemon(), options=Options(theme="light")) as seat:
        await seat.sees("negative-share")
        assert seat.app.theme == ANSI.name
        await seat.until(lambda: colours(seat) == {"default"})
        found = [segment for segment in segments(seat) if segment.style]
        assert any("CRIT" in text and style.bold for text, style, _ in found if style)
        assert any("NEW" in text and style.reverse for text, style, _ in found if style)
        assert any("negative-share" in text and style.reverse for text, style, _ in found if style)
        await seat.press(":", *"theme light", "enter")
        await seat.sees("NO_COLOR is set")
        assert colours(seat) == {"default"}


async def test_screen_toml_chooses_and_the_option_overrules_it(tmp_path: Path) -> None:
    place = tmp_path / "rtmd" / "screen.toml"
    place.parent.mkdir()
    place.write_text('theme = "light"\n')
    assert RtmdApp("nowhere").theme == LIGHT.name
    assert RtmdApp("nowhere", Options(theme="rtmd-hc")).theme == CONTRAST.name


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('theme = "lihgt"', 'there is no theme "lihgt"'),
        ("theme = 1", "theme: give a name in quotes"),
        ("bell = 1", "bell: give true or false"),
        ("colour = 1", 'there is no "colour": it takes theme, bell'),
        ("theme =", "Invalid value"),
    ],
)
async def test_a_wrong_screen_toml_is_told_and_not_used(tmp_path: Path, content: str, complaint: str) -> None:
    place = tmp_path / "rtmd" / "screen.toml"
    place.parent.mkdir()
    place.write_text(content)
    app = RtmdApp("nowhere")
    assert app.theme == DARK.name
    [told] = app._complaints
    assert complaint in told
    assert str(place) in told
    assert "the usual look is used" in told


def test_an_unknown_theme_is_an_error_of_whoever_asked_for_it() -> None:
    with pytest.raises(ValueError, match="did you mean"):
        RtmdApp("nowhere", Options(theme="rtmd-drak"))


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_textual_can_read_every_colour(theme: Theme) -> None:
    for name in ("background", "panel", "raised", "text", "bright", "quiet", "crit", "warn", "info", "action"):
        assert Color.parse(getattr(theme, name))
