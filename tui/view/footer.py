"""The last line: the keys, or the strip that took their place."""

from __future__ import annotations

from rtmd.wire import FiringView
from tui.copying import Copying
from tui.silencing import SilenceStrip, hit_by
from tui.view.glyphs import Glyphs
from tui.view.length import length
from tui.view.line import Line, Piece, cut, fit, lit, styled, width
from tui.view.row import WIDE, where

SPACIOUS = 140  # cells from which the silence strip says what it would hide in words


def keys(pairs: list[tuple[str, str]], cells: int, glyphs: Glyphs) -> Line:
    """The keys that fit; the last pair (help) always does."""
    *others, last = [(Piece(" " + glyphs.words(key), "key"), Piece(f" {word} ", "quiet")) for key, word in pairs]
    line: list[Piece] = []
    for pair in others:
        if width(line) + width(pair) + width(last) > cells:
            break
        line += pair
    return (*line, *last)


def silence_line(strip: SilenceStrip, firings: list[FiringView], cells: int, glyphs: Glyphs) -> Line:
    """The silence strip: what, how many firings that hides now, the lengths, and the keys."""
    hits = _hits(strip, firings, cells)
    keys_part = _silence_keys(strip, firings, cells, glyphs)
    scope = "(whole rule)" if strip.rule_wide else where(strip.target.labels, glyphs)
    name = lit(strip.target.rule, 60)
    if strip.others:
        name, scope = f"{len(strip.others) + 1} marked", ""
    room = cells - width(keys_part) - len(f" SILENCE  ({hits})  ")
    what = cut(f"{name} {scope}".strip(), max(room, 12), glyphs.more)
    head = (Piece(" SILENCE ", "key"), Piece(f"{what} ({hits})  ", "text"))
    return bar((*head, *keys_part), cells, glyphs)


def copy_line(copying: Copying, cells: int, glyphs: Glyphs) -> Line:
    """The copy menu: of what, and what each key takes."""
    taken = [part for one in copying.choices for part in (Piece(f"  {one.key}", "key"), Piece(f" {one.word}"))]
    keys_part = (*taken, Piece("  esc", "key"), Piece(" leave "))
    room = max(8, cells - width(keys_part) - len(" COPY "))
    return bar((Piece(" COPY ", "key"), Piece(cut(copying.what, room, glyphs.more)), *keys_part), cells, glyphs)


def question_line(text: str, cells: int, glyphs: Glyphs) -> Line:
    """Something that needs a second key."""
    answers = (Piece("  y", "key"), Piece(" yes  "), Piece("esc", "key"), Piece(" no"))
    return bar((Piece(f" {cut(text, max(10, cells - 18), glyphs.more)}", "strong"), *answers), cells, glyphs)


def filter_line(text: str, shown: int, total: int, cells: int, glyphs: Glyphs) -> Line:
    """The filter while it is typed, with a block for the text cursor."""
    tail = (
        Piece(f"   {shown} of {total}   ", "quiet"),
        Piece(glyphs.enter, "key"),
        Piece(" keep  ", "quiet"),
        Piece("esc", "key"),
        Piece(" clear", "quiet"),
    )
    room = max(8, cells - width(tail) - 4)
    return bar(
        (Piece(" / ", "key"), Piece(_end_of(lit(text), room), "strong"), Piece(" ", "new"), *tail), cells, glyphs
    )


def entry_line(prompt: str, text: str, done: str, cells: int, glyphs: Glyphs) -> Line:
    """A line that is typed, with a block for the text cursor; `done` says what the enter key does."""
    keys_part = (Piece(f"   {glyphs.enter}", "key"), Piece(f" {done}  "), Piece("esc", "key"), Piece(" leave"))
    room = max(8, cells - width(keys_part) - width((Piece(prompt),)) - 3)
    typed = Piece(_end_of(lit(text), room), "strong")
    return bar((Piece(f" {prompt}", "key"), typed, Piece(" ", "new"), *keys_part), cells, glyphs)


def edge(name: str, hint: str, cells: int, glyphs: Glyphs) -> Line:
    """The line between a list and what stands below it."""
    start, end = Piece(f" {name} "), Piece(f" {hint} ")
    room = max(0, cells - width((start, end)) - 3)
    text = glyphs.rule * 2 + start.text + glyphs.rule * room + end.text + glyphs.rule
    return fit((Piece(text, "quiet"),), cells, glyphs.more)


def bar(line: Line, cells: int, glyphs: Glyphs) -> Line:
    """The line on the strip's background, to the edge."""
    short = fit(line, cells, glyphs.more)
    return styled((*short, Piece(" " * (cells - width(short)))), "strip")


def _hits(strip: SilenceStrip, firings: list[FiringView], cells: int) -> str:
    """How much it would hide: as the daemon says, until it has said so as the screen's own picture does."""
    seen = strip.weighed
    if seen is None:
        return str(len(strip.hits(firings)))
    spacious = cells >= SPACIOUS
    critical = f", {'hides ' if spacious else ''}{seen.critical} {'critical' if spacious else 'crit'}"
    count = f"{'matches ' if spacious else ''}{seen.matches} of {seen.of}"
    return count + (critical if seen.critical else "")


def _silence_keys(strip: SilenceStrip, firings: list[FiringView], cells: int, glyphs: Glyphs) -> Line:
    wide = cells >= WIDE
    if strip.asks:
        yes = (Piece("y", "key"), Piece(f" silence {length(strip.length)}  "), Piece("esc", "key"), Piece(" back"))
        return (Piece(f"{cut(strip.asks, max(20, cells - 50), glyphs.more)}  ", "strong"), *yes)
    if strip.typed is not None:
        entry = (Piece("for ", "text"), Piece(f"{strip.typed}", "strong"), Piece(" ", "new"), Piece("  "))
        hint = (Piece(strip.wrong, "strong"),) if strip.wrong else (Piece(glyphs.enter, "key"), Piece("  esc back"))
        return (*entry, *hint)
    gap = "  " if wide else " "
    pieces: list[Piece] = []
    for digit, preset in enumerate(strip.presets, start=1):
        text = length(preset)
        pieces += [Piece(f"{digit}", "key"), Piece(f" [{text}]{gap}" if preset == strip.default else f" {text}{gap}")]
    pieces += [Piece("u", "key"), Piece(f" until ok{gap}" if wide else f" ok{gap}")]
    last = (Piece(glyphs.enter, "key"), Piece(f" {length(strip.default)} "))
    if strip.others:
        return (*pieces, Piece("e", "key"), Piece(f" other{gap}"), *last)
    other = len(hit_by(strip.target, firings, rule_wide=not strip.rule_wide))
    scope = f" only this ({other}){gap}" if strip.rule_wide else f" {'rule-wide' if wide else 'rule'} ({other}){gap}"
    return (*pieces, Piece("e", "key"), Piece(f" other{gap}"), Piece("r", "key"), Piece(scope), *last)


def _end_of(text: str, cells: int) -> str:
    while width((Piece(text),)) > cells:
        text = text[1:]
    return text
