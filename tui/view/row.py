"""The rows of the Live list: fixed columns, so that figures stand under figures.

From 100 cells on a row has severity words, values and thresholds in their own columns; below that the short form.
RULE and WHERE share what the fixed columns leave. A row that cannot be formatted becomes `<unrenderable id>`
rather than the end of the screen.

The ladder shows S, M, H of the rule's stages: the letter where the stage burns (fires or recovers), `·` where it
is quiet, a blank where the rule has no such stage. Pending stages are shown in lower case.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from rtmd.model.display import age
from rtmd.wire import FiringView
from tui.scale import STAGES
from tui.states import WAITING, Condition, condition, flapping, unfed
from tui.view.glyphs import STYLES, WORDS, Glyphs
from tui.view.line import Line, Piece, cut, figure, fit, lit, pad, styled, width
from tui.view.moment import Moment

WIDE = 100
NARROW_WHO = 16
ANY = 1_000  # cells: as many as it takes

# These say nothing about where: they stand in other columns.
_NOT_PLACES = frozenset({"rule", "alertname", "kind", "stage", "severity"})


class Columns(Struct, frozen=True):
    """Cells of each column at one width of the list; one blank stands between columns."""

    severity: int
    rule: int
    where: int
    value: int
    threshold: int
    age: int
    who: int

    @classmethod
    def at(cls, cells: int, glyphs: Glyphs) -> Columns:
        """The columns of a list this wide."""
        mark = len(glyphs.severity["critical"])
        if cells >= WIDE:
            severity, value, threshold, ages, who = mark + 5, 8, 12, 5, 24
        else:
            severity, value, threshold, ages, who = mark + 2, 7, 7, 4, NARROW_WHO
        fixed = 1 + severity + 1 + 3 + 1 + 1 + 1 + value + 1 + threshold + 1 + ages + 2 + who
        shared = max(8, cells - fixed)
        rule = min(34, (shared + 1) // 2)
        # Very wide screens keep the figures near the words; what is left goes to WHO.
        place = min(48, shared - rule)
        return cls(severity, rule, place, value, threshold, ages, who + shared - rule - place)


def heading(cells: int, glyphs: Glyphs) -> Line:
    """The names over the columns."""
    columns = Columns.at(cells, glyphs)
    wide = cells >= WIDE
    text = " ".join(
        (
            " " + pad("SEV" if wide else "", columns.severity),
            "STG",
            pad("RULE", columns.rule),
            pad("WHERE", columns.where),
            pad("VALUE", columns.value, right=True),
            pad("THRESHOLD" if wide else "THRESH", columns.threshold),
            pad("FOR", columns.age, right=True),
            " WHO / STATE",
        )
    )
    return fit((Piece(text, "head"),), cells, "")


class Look(Struct, frozen=True):
    """How a row stands on the list."""

    selected: bool = False
    marked: bool = False
    inner: bool = False  # in an unfolded group

    def lead(self, glyphs: Glyphs) -> Piece:
        """The first cell: cursor, mark, or both."""
        if self.marked:
            return Piece(glyphs.both if self.selected else glyphs.mark, "key")
        return Piece(glyphs.cursor if self.selected else " ", "strong")

    def finish(self, line: Line, cells: int, glyphs: Glyphs) -> Line:
        """The line to the edge, on the cursor's background where it is the cursor's."""
        short = fit(line, cells, glyphs.more)
        return styled((*short, Piece(" " * (cells - width(short)))), "sel") if self.selected else short


PLAIN = Look()


def row(firing: FiringView, moment: Moment, cells: int, glyphs: Glyphs, look: Look = PLAIN) -> Line:
    """One firing as one line."""
    try:
        line = _row(firing, moment, cells, glyphs, look)
    except Exception:  # noqa: BLE001  # whatever a firing holds, the screen stays up and says which it is
        line = (look.lead(glyphs), Piece(f"<unrenderable {lit(firing.id, 40)}>", "quiet"))
    return look.finish(line, cells, glyphs)


def ladder(firing: FiringView, glyphs: Glyphs) -> str:
    """`SM·`: which stages the rule has, and which of them burn."""
    states = {stage.name: stage.state for stage in firing.stages}
    text = ""
    for stage in STAGES:
        letter = stage[0]
        match states.get(stage):
            case None:
                text += " "
            case "firing" | "recovering":
                text += letter.upper()
            case "pending":
                text += letter
            case _:
                text += glyphs.unlit
    return text


def where(labels: Mapping[str, str], glyphs: Glyphs) -> str:
    """The values of the labels that say where, in the order of their names."""
    values = (value for name, value in sorted(labels.items()) if name not in _NOT_PLACES)
    return glyphs.between.join(lit(value, 120) for value in values)


def threshold(text: str) -> str:
    """A threshold as it stands in a cell: long numbers in the form of the value beside it."""
    sign, blank, level = text.partition(" ")
    try:
        return f"{sign} {figure(float(level))}" if blank else lit(text, 40)
    except ValueError:
        return lit(text, 40)


def state(firing: FiringView, moment: Moment, glyphs: Glyphs, *, wide: bool, cells: int = ANY) -> Line:
    """WHO / STATE: who has it or that nobody has, what hides it, and until when; the words of actions give way."""
    match condition(firing):
        case Condition.OK:
            pieces = [Piece(f"{glyphs.ok} OK", "ok"), Piece(f" {moment.since(firing.resolved_at or 0)} ago", "quiet")]
        case Condition.SILENCED:
            pieces = [_silenced(firing, moment, glyphs)]
        case Condition.ACKED:
            pieces = _acked(firing, moment, glyphs, wide=wide)
        case Condition.RECOVERING:
            pieces = [_recovering(firing, moment, wide=wide)]
        case _:
            pieces = [Piece("NEW", "new")]
    if unfed(firing):
        # Where there is no room for both, the mark stands for the word.
        word = wide or width(pieces) + len(" NODATA ") + len(glyphs.no_data) <= NARROW_WHO
        pieces[:0] = [Piece(f"{glyphs.no_data} NODATA" if word else glyphs.no_data, "nodata"), Piece(" ")]
    if flapping(firing):
        pieces[:0] = [Piece("FLAP", "nodata"), Piece(" ")]
    if firing.inhibited_by:
        pieces += [Piece(f" {glyphs.silenced} INH {lit(firing.inhibitor, 40)}", "sil")]
    pieces += _proposals(firing, moment, cells - width(pieces), wide=wide)
    pieces += [Piece(f" {lit(flag, 20)}", "quiet") for flag in firing.flags if flag not in ("unfed", "flapping")]
    if firing.verdict:
        pieces.append(Piece(f" was {lit(firing.verdict, 20)}", "quiet"))
    return tuple(pieces)


def _row(firing: FiringView, moment: Moment, cells: int, glyphs: Glyphs, look: Look) -> Line:
    columns = Columns.at(cells, glyphs)
    wide = cells >= WIDE
    quiet = condition(firing) in (Condition.OK, Condition.SILENCED)
    tone = "quiet" if quiet else STYLES.get(firing.severity, "text")
    ended = firing.resolved_at if firing.resolved_at is not None else moment.at
    more, name = glyphs.more, "quiet" if quiet or look.inner else "strong"
    return (
        look.lead(glyphs),
        Piece(pad(severity(firing.severity, glyphs, wide=wide), columns.severity), tone),
        Piece(" " + ladder(firing, glyphs) + " ", "quiet" if quiet else "text"),
        Piece(pad(f"{'  ' * look.inner}{lit(firing.rule, 200)}", columns.rule, more=more) + " ", name),
        Piece(pad(where(firing.labels, glyphs), columns.where, more=more) + " ", "quiet" if quiet else "text"),
        Piece(pad(figure(firing.value), columns.value, right=True, more=more) + " ", "quiet" if quiet else "text"),
        Piece(pad(threshold(firing.threshold), columns.threshold, more=more) + " ", "quiet"),
        Piece(pad(age(ended - firing.fired_at), columns.age, right=True) + "  ", "quiet" if quiet else "text"),
        *fit(state(firing, moment, glyphs, wide=wide, cells=columns.who), columns.who, more),
    )


def severity(name: str, glyphs: Glyphs, *, wide: bool) -> str:
    """Mark and word of a severity."""
    word = WORDS.get(name, lit(name, 4).upper())
    return f"{glyphs.of(name)} {word if wide else word[:1]}"


def _proposals(firing: FiringView, moment: Moment, cells: int, *, wide: bool) -> list[Piece]:
    """The action that waits for a decision and the time left for it, or what of that there is room for."""
    waits = [each for each in firing.proposals if each.state in WAITING]
    if not waits:
        return []
    first = min(waits, key=lambda each: (each.expires_at, each.id))
    left = moment.until(first.expires_at)
    forms = (f"? {cut(lit(first.action, 40), 16)} {left}", f"? {left}") if wide else ()
    fitting = [form for form in forms if width((Piece(form),)) < cells]
    return [Piece(" "), Piece(fitting[0] if fitting else "?", "act")]


def _silenced(firing: FiringView, moment: Moment, glyphs: Glyphs) -> Piece:
    by = f" {lit(firing.silencer, 40)}" if firing.silencer else ""
    left = f" {moment.until(firing.silenced_until)}" if firing.silenced_until is not None else ""
    return Piece(f"{glyphs.silenced} SIL{left}{by}", "sil")


def _acked(firing: FiringView, moment: Moment, glyphs: Glyphs, *, wide: bool) -> list[Piece]:
    ack = firing.ack
    if ack is None:
        return []
    left = moment.until(ack.until)
    # The name gives way, so that the time left and `raised` are always there.
    name = cut(lit(ack.by, 40), 12 if wide else 7)
    pieces = [Piece(f"ack {name} {left}", "ack")]
    if ack.raised:
        pieces[:0] = [Piece("raised" if wide else glyphs.above, "new"), Piece(" ")]
    if firing.state == "recovering":
        pieces += [Piece(" "), _recovering(firing, moment, wide=False)]
    return pieces


def _recovering(firing: FiringView, moment: Moment, *, wide: bool) -> Piece:
    ends = [stage.clears_at for stage in firing.stages if stage.clears_at is not None]
    # Without `keep` it resolves as soon as it is looked at again: nothing is left to count.
    left = f" {age(max(ends) - moment.at)}" if ends and max(ends) > moment.at else ""
    return Piece(("RECOVERING" if wide else "RECOV") + left, "ok")
