"""A rule's group as one line, in the columns of its firings, and the line that names a storm.

The figures are those of the most urgent firing; WHERE has what all of them share and how many they are; FOR is that
of the oldest; WHO says how many are whose.
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from rtmd.model.display import age
from rtmd.wire import FiringView
from tui.scale import STAGES
from tui.states import Condition, condition, severity_rank, stage_rank
from tui.view.glyphs import STYLES, Glyphs
from tui.view.line import Line, Piece, cut, figure, fit, lit, pad
from tui.view.moment import Moment
from tui.view.row import PLAIN, WIDE, Columns, Look, severity, threshold, where

# How each state is counted, in this order.
_SAID = (
    (Condition.NEW, "NEW", "new"),
    (Condition.ACKED, "ack", "ack"),
    (Condition.RECOVERING, "recov", "ok"),
    (Condition.SILENCED, "sil", "sil"),
    (Condition.OK, "ok", "ok"),
)


class Group(Struct, frozen=True):
    """What a group row shows: its firings, the most urgent first."""

    rule: str
    firings: tuple[FiringView, ...]
    unfolded: bool


def group_row(group: Group, moment: Moment, cells: int, glyphs: Glyphs, look: Look = PLAIN) -> Line:
    """One group as one line."""
    columns, wide = Columns.at(cells, glyphs), cells >= WIDE
    first = group.firings[0]
    worst = max(group.firings, key=severity_rank)
    tone = STYLES.get(worst.severity, "text")
    fold = glyphs.unfolded if group.unfolded else glyphs.folded
    line = (
        look.lead(glyphs),
        Piece(pad(severity(worst, glyphs, wide=wide), columns.severity), tone),
        Piece(f" {_ladder(group.firings, glyphs)} "),
        Piece(pad(f"{fold} {lit(group.rule, 80)}", columns.rule, more=glyphs.more), "strong"),
        Piece(f" {_where(group.firings, columns.where, glyphs)} ", "text"),
        Piece(pad(figure(first.value), columns.value, right=True), "text"),
        Piece(f" {pad(threshold(first.threshold), columns.threshold, more=glyphs.more)} ", "quiet"),
        Piece(pad(age(moment.at - min(one.fired_at for one in group.firings)), columns.age, right=True), "text"),
        Piece("  "),
        *fit(_who(group.firings), columns.who, glyphs.more),
    )
    return look.finish(line, cells, glyphs)


def _ladder(firings: tuple[FiringView, ...], glyphs: Glyphs) -> str:
    """The stages that burn anywhere in the group."""
    top = max(map(stage_rank, firings))
    burning = {stage.name for one in firings for stage in one.stages if stage.state in ("firing", "recovering")}
    known = {stage.name for one in firings for stage in one.stages}
    burning = burning or {STAGES[top]}
    return "".join(
        stage[0].upper() if stage in burning else glyphs.unlit if stage in known else " " for stage in STAGES
    )


def _where(firings: tuple[FiringView, ...], cells: int, glyphs: Glyphs) -> str:
    """What all share, and the count, which never gives way."""
    shared = dict(firings[0].labels)
    for one in firings[1:]:
        if not shared:
            break
        shared = {name: value for name, value in shared.items() if one.labels.get(name) == value}
    count = f"{figure(len(firings))} firings"
    common = where(shared, glyphs)
    room = cells - len(count) - len(glyphs.between)
    text = f"{cut(common, room, glyphs.more)}{glyphs.between}{count}" if common and room >= 4 else count
    return pad(text, cells, more=glyphs.more)


def _who(firings: tuple[FiringView, ...]) -> Line:
    counts = Counter(map(condition, firings))
    pieces: list[Piece] = []
    for state, word, style in _SAID:
        if counts[state]:
            pieces += [Piece(" ")] if pieces else []
            pieces.append(Piece(f"{figure(counts[state])} {word}", style))
    return tuple(pieces)
