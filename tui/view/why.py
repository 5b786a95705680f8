"""Why it fires: what the daemon recorded when it decided, clause by clause. Nothing is computed again here.

Sections stand in the order of the questions: what is it, how did its signal go, which stages burn and how they turned
out, why (the clauses with their values), the posts behind it, who has it, what was run and what is proposed, what else
fires there, how its rule usually is, where to read on. Sections without content are left out. What happened when is
told below them (`story`); `preview` is the short form under the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from rtmd.model.display import age
from rtmd.wire import ClauseView, EvidenceView, ExemplarView, FiringView, RelatedView, StageView
from rtmd.wire.curves import CurveView
from rtmd.wire.marks import MarkView
from rtmd.wire.noise import RuleNoiseView
from tui.approval import waiting
from tui.view.actions import proposed
from tui.view.background import history, related
from tui.view.curve import curve, heading, signs
from tui.view.glyphs import STYLES, WORDS, Glyphs
from tui.view.line import EMPTY, Line, Piece, figure, fit, lit, pad, section, spread, width, wrap
from tui.view.moment import Moment
from tui.view.row import ladder, state, threshold, where

_WIDE = 100
_LEAST = 20  # cells for a text, however narrow the screen is


class Known(Struct, frozen=True):
    """What was learnt of a firing beside what the stream tells; None: not yet."""

    recorded: FiringView | None = None  # with the evidence of its stages
    curve: CurveView | None = None
    noise: RuleNoiseView | None = None
    days: int = 7  # of the noise
    related: Sequence[FiringView] = ()
    marks: Sequence[MarkView] = ()


def why(firing: FiringView, known: Known, moment: Moment, size: tuple[int, int], glyphs: Glyphs) -> list[Line]:
    """The body of the Why screen in so many cells, on a screen of so many lines."""
    cells, height = size
    try:
        lines = list(_why(firing, known, moment, (cells, plot_rows(height)), glyphs))
    except Exception:  # noqa: BLE001  # whatever a firing holds, the screen stays up and says which it is
        lines = [(Piece(f" <unrenderable {lit(firing.id, 40)}>", "quiet"),)]
    return [fit(line, cells, glyphs.more) for line in lines]


def plot_rows(height: int) -> int:
    """How many lines of a screen its curve takes."""
    return 4 if height < 28 else 6 if height < 40 else 10


def title(firing: FiringView, moment: Moment, cells: int, glyphs: Glyphs) -> Line:
    """The firing in one line, over everything else."""
    left = (
        Piece(" WHY  ", "head"),
        Piece(lit(firing.rule, 80), "strong"),
        Piece(f"  {where(firing.labels, glyphs)}", "text"),
    )
    ended = firing.resolved_at if firing.resolved_at is not None else moment.at
    word = WORDS.get(firing.severity, lit(firing.severity, 8).upper())
    right = (
        Piece(f"{glyphs.of(firing.severity)} {word}  ", STYLES.get(firing.severity, "text")),
        Piece(ladder(firing, glyphs) + "  ", "text"),
        *fit(state(firing, moment, glyphs, wide=True), cells // 3, glyphs.more),  # whoever explains it has a long name
        Piece(f"  {age(ended - firing.fired_at)} ", "text"),
    )
    return spread(left, right, cells)


def preview(firing: FiringView, moment: Moment, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """The firing under the cursor in a few lines: what, which stages, where exactly."""
    name = f" {lit(firing.rule, 60)} {glyphs.between.strip()} {where(firing.labels, glyphs)} "
    hint = f" {glyphs.enter} why "
    room = max(0, cells - width((Piece(name), Piece(hint))) - 3)
    edge = fit((Piece(glyphs.rule * 2 + name + glyphs.rule * room + hint + glyphs.rule, "quiet"),), cells, glyphs.more)
    try:
        lines = [
            _say(lit(firing.title or firing.rule), "strong"),
            *_ladder(firing.stages, moment, cells, glyphs),
            *section("labels", [_labels(firing.labels)], cells),
            *(section("ack", [_ack_text(firing, moment)], cells) if firing.ack else ()),
            *(section("proposals", [proposed(each, moment) for each in waiting(firing.proposals)], cells)),
            *(section("actions", _runs(firing, moment), cells)),
        ]
    except Exception:  # noqa: BLE001  # as in `why`
        lines = [_say(f"<unrenderable {lit(firing.id, 40)}>", "quiet")]
    return [edge, *(fit(line, cells, glyphs.more) for line in lines)][:rows]


def _why(firing: FiringView, known: Known, moment: Moment, room: tuple[int, int], glyphs: Glyphs) -> Iterator[Line]:
    (cells, rows), full = room, known.recorded or firing
    yield _say(lit(firing.title or firing.rule), "strong")
    yield _now(firing, moment)
    if known.curve is not None:
        yield from (EMPTY, heading(known.curve, cells, glyphs))
        happened = signs(full, known.marks, moment)
        yield from curve(known.curve, happened, moment, cells=cells, rows=rows, glyphs=glyphs)
    yield from _headed("stages", _ladder(full.stages, moment, cells, glyphs))
    for stage in full.stages:
        if stage.evidence is not None:
            yield from _headed(f"why {stage.name}", _evidence(stage, stage.evidence, moment, cells, glyphs))
    if known.recorded is None:
        yield from _headed("why", [_say("asking the daemon …", "quiet")])
    for name, texts in (
        ("ack", [_ack_text(firing, moment)] if firing.ack else []),
        ("silenced", [_silence_text(firing, moment)] if firing.silenced_by else []),
        ("inhibited", [_culprit(firing)] if firing.inhibited_by else []),
        ("members", [_related(each) for each in full.members]),
        ("part of", [_related(each) for each in firing.part_of]),
        ("proposals", [proposed(each, moment) for each in firing.proposals]),
        ("actions", _runs(firing, moment)),
        ("related", related(firing, known.related)),
        ("history", history(known.noise, known.days)),
        ("labels", [_labels(firing.labels)]),
        ("says", _annotations(firing)),
        ("links", [f"{lit(link)}  {lit(url)}" for link, url in firing.links.items()]),
    ):
        lines = list(section(name, texts, cells))
        if lines:
            yield from (EMPTY, *lines)


def _say(text: str, style: str = "text") -> Line:
    return (Piece(f" {text}", style),)


def _headed(name: str, lines: Iterable[Line]) -> Iterator[Line]:
    """A section whose lines indent themselves."""
    yield EMPTY
    yield (Piece(f" {lit(name, 40)}", "head"),)
    yield from lines


def _now(firing: FiringView, moment: Moment) -> Line:
    if firing.origin is not None:
        sender, since = lit(firing.origin.sender, 40), moment.clock(firing.origin.starts_at)
        parts = [Piece(f" raised by {sender}", "strong"), Piece(f"   since {since}", "quiet")]
    else:
        unit = f" {lit(firing.unit, 24)}" if firing.unit else ""
        parts = [
            Piece(f" {figure(firing.value)}{unit}", "strong"),
            Piece(f"   threshold {threshold(firing.threshold)}", "text"),
            Piece(f"   since {moment.engine_clock(firing.fired_at)}", "quiet"),
        ]
    if firing.reason:
        parts.append(Piece(f"   {lit(firing.reason, 200)}", "quiet"))
    if firing.episodes > 1:
        parts.append(Piece(f"   {firing.episodes} episodes", "quiet"))
    if firing.owner:
        parts.append(Piece(f"   owner {lit(firing.owner, 40)}", "quiet"))
    if firing.follows:
        parts.append(Piece(f"   follows {lit(firing.follows, 40)}", "quiet"))
    return tuple(parts)


def _ladder(stages: list[StageView], moment: Moment, cells: int, glyphs: Glyphs) -> Iterator[Line]:
    """A line a stage; on narrow screens what does not fit goes on below."""
    held_cells, peak_cells = (18, 13) if cells >= _WIDE else (14, 11)
    for stage in stages:
        burns = stage.state in ("firing", "recovering")
        letter = lit(stage.name)[:1].upper() if burns else glyphs.unlit
        held = f"{figure(stage.value)} {threshold(stage.threshold)}"
        peak = f"peak {figure(stage.peak)}" if stage.peak is not None else ""
        name = f"{letter} {pad(lit(stage.name, 9), 8)} {pad(lit(stage.state, 10), 11)}"
        lead = f" {name} {pad(held, held_cells)} {pad(peak, peak_cells)}"
        for part in wrap(_story(stage, moment, glyphs), max(_LEAST, cells - len(lead))):
            yield (Piece(lead, "text" if burns else "quiet"), Piece(part, "quiet"))
            lead = " " * len(lead)


def _story(stage: StageView, moment: Moment, glyphs: Glyphs) -> str:
    """When the stage fired and ended, and how it turned out or when that is known."""
    parts: list[str] = []
    if stage.fired_at is not None:
        parts.append(f"fired {moment.engine_clock(stage.fired_at)}")
    elif stage.state == "pending" and stage.active_at is not None:
        parts.append(f"pending {moment.since(stage.active_at)}")
    if stage.ended_at is not None:
        parts.append(f"ended {moment.engine_clock(stage.ended_at)}")
    if stage.rejudging_since is not None:
        parts.append(f"rejudging {moment.since(stage.rejudging_since)}, its rule changed")
    if stage.clears_at is not None:
        parts.append(f"clears in {age(stage.clears_at - moment.at)}")
    if stage.outcome:
        parts.append(lit(stage.outcome, 20))
    elif stage.judge_at is not None and stage.judge_at > moment.at:
        parts.append(f"judged in {age(stage.judge_at - moment.at)}")
    return glyphs.between.join(parts)


def _evidence(stage: StageView, evidence: EvidenceView, moment: Moment, cells: int, glyphs: Glyphs) -> Iterator[Line]:
    yield _say(f"recorded {moment.engine_clock(evidence.at)}", "quiet")
    for clause in evidence.clauses:
        yield from _clause(clause, cells, glyphs)
    by_reach = sorted(evidence.exemplars, key=lambda exemplar: -exemplar.reach)
    if by_reach:
        yield _say(f"behind {stage.name}, by reach", "quiet")
    for exemplar in by_reach:
        yield from _exemplar(exemplar, cells)


def _clause(clause: ClauseView, cells: int, glyphs: Glyphs) -> Iterator[Line]:
    mark = pad(glyphs.ok if clause.holds else glyphs.fails, max(len(glyphs.ok), len(glyphs.fails)))
    label, value = pad(lit(clause.name, 20), 9), pad(figure(clause.value), 8, right=True)
    lead = f" {mark} {label} {value}  "
    for index, part in enumerate(wrap(lit(clause.text), max(20, cells - len(lead) - 1))):
        start = lead if index == 0 else " " * len(lead)
        yield (Piece(start, "strong" if clause.holds else "quiet"), Piece(part, "text" if clause.holds else "quiet"))


def _exemplar(exemplar: ExemplarView, cells: int) -> Iterator[Line]:
    author = f"{lit(exemplar.author, 40)}  " if exemplar.author else ""
    lead = f" {pad(figure(exemplar.reach), 8, right=True)}  "
    rest = wrap(lit(exemplar.text), max(20, cells - len(lead) - 1))
    yield (Piece(lead, "strong"), Piece(author or (rest.pop(0) if rest else ""), "info" if author else "text"))
    for part in rest:
        if part:
            yield (Piece(" " * len(lead)), Piece(part, "text"))
    if exemplar.url:
        yield (Piece(" " * len(lead)), Piece(lit(exemplar.url), "quiet"))


def _ack_text(firing: FiringView, moment: Moment) -> str:
    ack = firing.ack
    if ack is None:
        return ""
    note = f' · "{lit(ack.note, 200)}"' if ack.note else ""
    raised = " · it rose since" if ack.raised else ""
    return f"{lit(ack.by, 40)} until {moment.clock(ack.until)} ({moment.until(ack.until)}){raised}{note}"


def _culprit(firing: FiringView) -> str:
    return f"by {lit(firing.inhibitor, 40)} ({lit(firing.inhibited_by, 40)})"


def _related(other: RelatedView) -> str:
    """Another firing in a line; whether it still takes part."""
    said = (lit(other.rule, 60), _labels(other.labels), lit(other.stage, 10), lit(other.state, 10), lit(other.id, 40))
    return "  ".join(filter(None, said))


def _silence_text(firing: FiringView, moment: Moment) -> str:
    until = f" until {moment.clock(firing.silenced_until)}" if firing.silenced_until is not None else ""
    by = f" by {lit(firing.silencer, 40)}" if firing.silencer else ""
    ids = ", ".join(lit(silence_id, 40) for silence_id in firing.silenced_by)
    return f"{until}{by} ({ids})".strip()


def _runs(firing: FiringView, moment: Moment) -> list[str]:
    return [
        f"{lit(run.action, 40)}  {lit(run.state, 20)}  {lit(run.stage, 10)}  {moment.engine_clock(run.at)}"
        + (f"  {lit(run.detail, 300)}" if run.detail else "")
        for run in firing.runs
    ]


def _annotations(firing: FiringView) -> list[str]:
    """What the sender of an alert says of it, but for its title and its links."""
    said = firing.origin.annotations if firing.origin else {}
    return [
        f"{lit(name, 40)}: {lit(text)}"
        for name, text in said.items()
        if text != firing.title and not name.endswith("_url")
    ]


def _labels(labels: dict[str, str]) -> str:
    return "  ".join(f"{lit(name, 60)}={lit(value, 200)}" for name, value in sorted(labels.items()))
