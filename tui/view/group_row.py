"""A rule's group as one line, in the columns of its firings, and the line that names a storm.

The figures are those of the most urgent firing; WHERE has what all of them share and how many they are; FOR is that
of the oldest; WHO says how many are whose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

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
    """What a group row says of all its firings: made anew when one of them is another, not for the time that passes."""

    rule: str
    count: int
    severity: str  # the worst
    known: frozenset[str]  # stages that any of them has
    burning: frozenset[str]
    shared: dict[str, str]  # labels
    oldest: int  # fired_at
    states: Counter[Condition]


def group_of(rule: str, firings: Collection[FiringView]) -> Group:
    """The firings of a rule as one; at least one is needed."""
    stages = [stage for one in firings for stage in one.stages]
    burning = {stage.name for stage in stages if stage.state in ("firing", "recovering")}
    return Group(
        rule=rule,
        count=len(firings),
        severity=max(firings, key=severity_rank).severity,
        known=frozenset(stage.name for stage in stages),
        burning=frozenset(burning or {STAGES[max(map(stage_rank, firings))]}),
        shared=_shared(firings),
        oldest=min(one.fired_at for one in firings),
        states=Counter(map(condition, firings)),
    )


def group_row(group: Group, first: FiringView, moment: Moment, cells: int, glyphs: Glyphs, look: Look = PLAIN) -> Line:
    """One group as one line; `first` is its most urgent firing."""
    columns, wide = Columns.at(cells, glyphs), cells >= WIDE
    tone = STYLES.get(group.severity, "text")
    fold = glyphs.unfolded if look.inner else glyphs.folded
    line = (
        look.lead(glyphs),
        Piece(pad(severity(group.severity, glyphs, wide=wide), columns.severity), tone),
        Piece(f" {_ladder(group, glyphs)} "),
        Piece(pad(f"{fold} {lit(group.rule, 80)}", columns.rule, more=glyphs.more), "strong"),
        Piece(f" {_where(group, columns.where, glyphs)} ", "text"),
        Piece(pad(figure(first.value), columns.value, right=True), "text"),
        Piece(f" {pad(threshold(first.threshold), columns.threshold, more=glyphs.more)} ", "quiet"),
        Piece(pad(age(moment.at - group.oldest), columns.age, right=True), "text"),
        Piece("  "),
        *fit(_who(group.states), columns.who, glyphs.more),
    )
    return look.finish(line, cells, glyphs)


def _ladder(group: Group, glyphs: Glyphs) -> str:
    """The stages that burn anywhere in the group."""
    return "".join(
        stage[0].upper() if stage in group.burning else glyphs.unlit if stage in group.known else " "
        for stage in STAGES
    )


def _shared(firings: Iterable[FiringView]) -> dict[str, str]:
    """The labels that all of them have."""
    first, *others = firings
    shared = dict(first.labels)
    for one in others:
        if not shared:
            break
        if any(one.labels.get(name) != value for name, value in shared.items()):
            shared = {name: value for name, value in shared.items() if one.labels.get(name) == value}
    return shared


def _where(group: Group, cells: int, glyphs: Glyphs) -> str:
    """What all share, and the count, which never gives way."""
    count = f"{figure(group.count)} firings"
    common = where(group.shared, glyphs)
    room = cells - len(count) - len(glyphs.between)
    text = f"{cut(common, room, glyphs.more)}{glyphs.between}{count}" if common and room >= 4 else count
    return pad(text, cells, more=glyphs.more)


def _who(counts: Counter[Condition]) -> Line:
    pieces: list[Piece] = []
    for state, word, style in _SAID:
        if counts[state]:
            pieces += [Piece(" ")] if pieces else []
            pieces.append(Piece(f"{figure(counts[state])} {word}", style))
    return tuple(pieces)
