"""The Rules screen as lines: rows of the noise board, one rule's score in its parts, what a reload did.

Rules without a score show `-`: too few firings, and no rank. A row says in words what is not as usual with its rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rtmd.model.display import age
from rtmd.wire import RuleErrorView
from rtmd.wire.noise import RuleNoiseView, ShareView
from rtmd.wire.rules import ReloadView, RuleView
from tui.rules import Row, RuleList
from tui.view.glyphs import Glyphs
from tui.view.line import EMPTY, Line, Piece, fit, lit, pad, plain, spread, styled, width, wrap
from tui.view.moment import Moment

WIDE = 100
ERRORS = 4  # lines for rule files that cannot be used
_DAY = 86_400_000
_NOISY, _BUSY = 0.7, 0.4  # from these scores on a row stands out
_BAR = 20  # cells of a full bar
_INDENT = 13


class _Columns(Struct, frozen=True):
    """Cells of each column, and how many of the figures there is room for."""

    noise: int
    rule: int
    figures: tuple[tuple[str, int], ...]
    state: int

    @classmethod
    def at(cls, cells: int) -> _Columns:
        figures = _FIGURES if cells >= WIDE else _FIGURES[:4]
        state = 26 if cells >= WIDE else 23
        fixed = 1 + 5 + 1 + sum(size + 1 for _, size in figures) + 1 + state
        rule = min(48, max(8, cells - fixed))
        return cls(5, rule, figures, state + max(0, cells - fixed - rule))


_FIGURES = (
    ("FIRED", 6),
    ("MEDIAN", 6),
    ("NOBODY", 6),
    ("FALSE", 5),
    ("A DAY", 6),
    ("FLAP", 5),
    ("SIL", 5),
    ("HANDLED", 7),
    ("SAID", 9),
)


def heading(cells: int) -> Line:
    """The names over the columns."""
    columns = _Columns.at(cells)
    figures = "".join(f" {pad(name, size, right=True)}" for name, size in columns.figures)
    return fit(
        (Piece(f" {pad('NOISE', columns.noise)} {pad('RULE', columns.rule)}{figures}  STATE", "head"),), cells, ""
    )


def row(of: Row, moment: Moment, cells: int, glyphs: Glyphs, *, selected: bool = False) -> Line:
    """One rule as one line."""
    try:
        line = _row(of, moment, cells, glyphs, selected=selected)
    except Exception:  # noqa: BLE001  # whatever a rule holds, the screen stays up and says which it is
        line = (Piece(f"{glyphs.cursor if selected else ' '}<unrenderable {lit(of.rule.name, 40)}>", "quiet"),)
    line = fit(line, cells, glyphs.more)
    return styled((*line, Piece(" " * (cells - width(line)))), "sel") if selected else line


def state(rule: RuleView, moment: Moment, glyphs: Glyphs) -> Line:
    """What is not as usual, and what it does."""
    if not rule.enabled:
        return (Piece("OFF", "quiet"),)
    pieces: list[Piece] = []
    if rule.problems:
        pieces.append(Piece(f"{glyphs.fails} ERROR", "error"))
    if rule.unfed_since is not None:
        pieces.append(Piece(f"{glyphs.no_data} NODATA {moment.since(rule.unfed_since)}", "nodata"))
    elif rule.unfed:
        pieces.append(Piece(f"{glyphs.no_data} NODATA ({rule.unfed})", "nodata"))
    if rule.refused:
        pieces.append(Piece("FULL", "error"))
    if rule.firing:
        pieces.append(Piece(f"{rule.firing} firing", "strong"))
    if rule.rejudging:
        pieces.append(Piece("rejudging", "text"))
    if rule.pending:
        pieces.append(Piece(f"{rule.pending} pending", "text"))
    if rule.shadow:
        pieces.append(Piece("shadow", "quiet"))
    if not pieces:
        pieces.append(Piece("quiet" if rule.instances or rule.joins else "no series yet", "quiet"))
    return tuple(part for piece in pieces for part in (piece, Piece(" ")))[:-1]


def words(of: Row, moment: Moment, glyphs: Glyphs) -> str:
    """What the filter looks into."""
    return f"{lit(of.rule.name)} {lit(of.rule.file)} {plain(state(of.rule, moment, glyphs))}"


def info(rules: RuleList, problem: str, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    """Whose noise it is on the left, what is shown on the right."""
    days = f" noise of the last {rules.days} day{'s' if rules.days > 1 else ''} (d)"
    if cells < WIDE:
        days = f" noise, {rules.days}d (d)"
    left = [Piece(f" filter: {lit(rules.filter, 100)}  ", "strong")] if rules.filter else []
    left.append(Piece(days, "quiet"))
    noise = rules.noise
    if noise is not None and noise.at - noise.since < noise.days * _DAY:
        left.append(Piece(f", the journal reaches back {age(noise.at - noise.since)}", "quiet"))
    if problem:
        left = [Piece(f" {glyphs.fails} {lit(problem, 300)}", "error")]
    right = f"{_reloaded(rules.reload, moment)}{_troubled(rules)}{_shown(rules)} "
    return spread(tuple(left), (Piece(glyphs.words(right), "quiet"),), cells)


def errors(found: list[RuleErrorView], cells: int, glyphs: Glyphs) -> list[Line]:
    """The rule files that cannot be used, each with its place; E edits the first."""
    lines: list[Line] = []
    for number, error in enumerate(found[:ERRORS]):
        place = (
            lit(error.file, 200)
            + (f":{error.line}" if error.line else "")
            + (f":{error.column}" if error.column else "")
        )
        key = (Piece("  E edits", "quiet"),) if number == 0 else ()
        line = (Piece(f" {glyphs.fails} {place}: ", "error"), Piece(lit(error.problem, 500), "text"))
        lines.append((*fit(line, cells - width(key), glyphs.more), *key))
    if len(found) > ERRORS:
        lines[-1] = (Piece(f" {glyphs.fails} {len(found) - ERRORS + 1} more", "error"),)
    return lines


def explain(of: Row, moment: Moment, cells: int, glyphs: Glyphs) -> list[Line]:
    """Everything about one rule: how its score comes about, what people said, where it is written."""
    lines: list[Line] = [
        EMPTY,
        (Piece(f" {lit(of.rule.name, 200)}", "strong"), Piece("   "), *state(of.rule, moment, glyphs)),
    ]
    try:
        lines += [EMPTY, *_facts(of.rule, cells)]
        if of.noise is not None:
            lines += [
                EMPTY,
                *_score(of.noise, glyphs),
                EMPTY,
                *_figures(of.noise, cells),
                *_misses(of.noise, moment, cells),
            ]
    except Exception:  # noqa: BLE001  # as in `row`
        lines.append((Piece(f" <unrenderable {lit(of.rule.name, 40)}>", "quiet"),))
    return [fit(line, cells, glyphs.more) for line in lines]


def changes(
    reload: ReloadView | None, found: list[RuleErrorView], moment: Moment, cells: int, glyphs: Glyphs
) -> list[Line]:
    """What the latest reload did, rule by rule, and what is still wrong."""
    lines: list[Line] = [EMPTY]
    if reload is None or not reload.wall:
        lines.append((Piece(" Nothing was reloaded since the daemon started.", "strong"),))
    else:
        ago = age(max(0, moment.wall - reload.wall))
        lines.append((Piece(f" In force since {moment.clock(reload.wall)}", "strong"), Piece(f"   {ago} ago", "quiet")))
        lines += [EMPTY, *_changed(reload, cells)]
    if reload is not None and reload.held_back:
        lines += [EMPTY, (Piece(" held back  ", "error"), Piece("the files would remove rules that fire", "text"))]
        lines += [(Piece(f"   {lit(name, 200)}", "text"),) for name in reload.held_back]
        lines += [(Piece("   rtmd reload --confirm takes them out of force", "quiet"),)]
    if found:
        lines += [EMPTY, (Piece(" not in use: the last good version stays in force", "error"),)]
        lines += errors(found, cells, glyphs)
    return [fit(line, cells, glyphs.more) for line in lines]


def _row(of: Row, moment: Moment, cells: int, glyphs: Glyphs, *, selected: bool) -> Line:
    columns, noise = _Columns.at(cells), of.noise
    score = noise.score if noise is not None else None
    quiet = not of.rule.enabled
    tone = "quiet" if score is None else "crit" if score >= _NOISY else "warn" if score >= _BUSY else "text"
    figures = _cells(noise) if noise is not None else ("",) * len(_FIGURES)
    shown = "".join(
        f" {pad(text, size, right=True, more=glyphs.more)}"
        for text, (_, size) in zip(figures, columns.figures, strict=False)
    )
    return (
        Piece(glyphs.cursor if selected else " ", "strong"),
        Piece(pad("-" if score is None else f"{score:.2f}", columns.noise), tone),
        Piece(" " + pad(lit(of.rule.name, 200), columns.rule, more=glyphs.more), "quiet" if quiet else "strong"),
        Piece(shown + "  ", "quiet" if quiet else "text"),
        *fit(state(of.rule, moment, glyphs), columns.state, glyphs.more),
    )


def _cells(noise: RuleNoiseView) -> tuple[str, ...]:
    """The figures, in the order of their columns."""
    judged = _together(noise.false_starts)
    said = [(noise.noise, "n"), (noise.real, "r"), (noise.misses, "m")]
    return (
        str(noise.firings),
        "-" if noise.duration is None else age(noise.duration),
        _percent(noise.unattended),
        _percent(judged),
        f"{noise.a_day:.1f}" if noise.a_day < 1000 else f"{noise.a_day:.0f}",
        _percent(noise.flapped),
        _percent(noise.silenced),
        _percent(noise.handled),
        " ".join(f"{count}{letter}" for count, letter in said if count) or "-",
    )


def _facts(rule: RuleView, cells: int) -> Iterator[Line]:
    place = lit(rule.file, 400) + (f":{rule.line}" if rule.line else "")
    yield from _section("written in", [place], cells)
    yield from _section("stages", [", ".join(lit(stage, 20) for stage in rule.stages)] if rule.stages else [], cells)
    yield from _section("joins", [", ".join(lit(name, 200) for name in rule.joins)] if rule.joins else [], cells)
    yield from _section("kind", [lit(rule.kind, 40)], cells)
    yield from _section("now", [f"{rule.firing} firing, {rule.pending} pending, {rule.instances} instances"], cells)
    yield from _section("problems", [lit(text, 500) for text in rule.problems], cells)


def _score(noise: RuleNoiseView, glyphs: Glyphs) -> Iterator[Line]:
    if noise.score is None:
        yield (Piece(f" No score: {noise.firings} firings say nothing yet.", "strong"),)
        return
    yield (
        Piece(f" noise {noise.score:.2f}", "strong"),
        Piece(f"   the mean of {noise.firings} firings, 0 is none and 1 is nothing but noise", "quiet"),
    )
    for term in noise.terms:
        filled = round(term.adds * _BAR)
        shown = f"{term.share.count} of {term.share.of}"
        yield (
            Piece(f"   {pad(lit(term.name, 40), 14)}{pad(shown, 16)}", "text"),
            Piece(f"+{term.adds:.2f}  ", "strong" if term.adds >= 0.005 else "quiet"),
            Piece(glyphs.rule * filled, "warn"),
        )


def _figures(noise: RuleNoiseView, cells: int) -> Iterator[Line]:
    median = "none ended" if noise.duration is None else f"{age(noise.duration)} in the middle"
    yield from _section("fired", [f"{noise.firings} times, {noise.a_day:.1f} a day, {median}"], cells)
    yield from _section("nobody had", [f"{_of(noise.unattended)} that ended"], cells)
    starts = [f"{lit(stage, 20)} {_of(share)} that were judged" for stage, share in noise.false_starts.items()]
    yield from _section("false starts", starts or ["none was judged"], cells)
    yield from _section("flapped", [_of(noise.flapped)], cells)
    yield from _section("silenced", [_of(noise.silenced)], cells)
    yield from _section("handled", [_of(noise.handled)], cells)
    yield from _section("people said", [f"{noise.noise} noise, {noise.real} real"], cells)


def _misses(noise: RuleNoiseView, moment: Moment, cells: int) -> Iterator[Line]:
    texts = [f"{moment.engine_clock(each.at)}  {lit(each.by, 40)}: {lit(each.text, 500)}" for each in noise.missed]
    if noise.misses > len(noise.missed):
        texts.append(f"and {noise.misses - len(noise.missed)} before")
    yield from _section("missed", texts, cells)


def _changed(reload: ReloadView, cells: int) -> Iterator[Line]:
    yield from _section(
        "rejudging", [f"{lit(name, 200)}  {lit(what, 300)}" for name, what in reload.rejudging.items()], cells
    )
    yield from _section(
        "changed", [f"{lit(name, 200)}  {lit(what, 300)}" for name, what in reload.changed.items()], cells
    )
    yield from _section("added", [lit(name, 200) for name in reload.added], cells)
    yield from _section("removed", [lit(name, 200) for name in reload.removed], cells)
    yield from _section("removed", [f"{lit(name, 200)}  while it fires" for name in reload.removed_firing], cells)
    yield from _section("kept", [f"{reload.kept}"], cells)


def _section(name: str, texts: list[str], cells: int) -> Iterator[Line]:
    label = name
    for text in texts:
        for part in wrap(text, max(20, cells - _INDENT - 4)):
            yield (Piece("   " + pad(label, _INDENT) + " ", "head"), Piece(part, "text"))
            label = ""


def _together(shares: dict[str, ShareView]) -> ShareView:
    return ShareView(sum(each.count for each in shares.values()), sum(each.of for each in shares.values()))


def _of(share: ShareView) -> str:
    return f"{share.count} of {share.of} ({_percent(share)})" if share.of else "0 of 0"


def _percent(share: ShareView) -> str:
    return f"{100 * share.count / share.of:.0f}%" if share.of else "-"


def _reloaded(reload: ReloadView | None, moment: Moment) -> str:
    return f"reloaded {age(max(0, moment.wall - reload.wall))} ago (c) · " if reload is not None and reload.wall else ""


def _troubled(rules: RuleList) -> str:
    """How many rules are in trouble, wherever they stand on the board."""
    wrong = sum(bool(rule.problems or rule.refused) for rule in rules.rules)
    unfed = sum(rule.unfed_since is not None or rule.unfed > 0 for rule in rules.rules)
    return "".join(f"{count} {word} · " for count, word in ((wrong, "in trouble"), (unfed, "without data")) if count)


def _shown(rules: RuleList) -> str:
    total, rows = len(rules.rules), len(rules.rows)
    if rows > rules.height:
        return f"{rules.top + 1}-{rules.top + len(rules.visible())} of {rows} rules"
    return f"{rows} of {total} rules" if rules.filter else f"{total} rules"
