"""How the daemon and the link are: the figures behind the header, on one page."""

from __future__ import annotations

from rtmd.model.display import age
from tui.picture import Picture
from tui.view.glyphs import Glyphs
from tui.view.line import EMPTY, Line, Piece, figure, fit, lit, pad
from tui.view.moment import Moment


def status_page(picture: Picture, moment: Moment, cells: int, glyphs: Glyphs) -> list[Line]:
    """Pairs of name and value, trouble last."""
    status, link = picture.status, picture.link
    pairs = [("link", f"{link.state}, heard {age(moment.mono - link.heard)} ago" if link.heard else str(link.state))]
    pairs.append(("missed", f"{picture.resyncs} times, each made good by a new picture"))
    if link.problem:
        pairs.append(("trouble", lit(link.problem, 500)))
    if status is not None:
        pairs += [
            ("daemon", f"rtmd {lit(status.version, 40)}, {lit(status.name, 80)}"),
            ("up since", f"{moment.clock(status.started_at)} ({age(moment.wall - status.started_at)})"),
            ("evaluated", f"{age(moment.at - status.evaluated_at)} ago"),
            ("rules", f"{status.rules}, {status.pending} stages pending"),
            ("series", figure(status.series)),
            ("samples", f"{figure(status.samples)} accepted, {status.samples_per_second:.0f} a second"),
            (
                "firing",
                f"{status.firing} open, {status.silenced} of them under {status.silences} silence(s)",
            ),
            ("outbox", f"{status.outbox} waiting, {status.dead_letters} given up"),
            *(("dropped", f"{count} {lit(reason, 80)}") for reason, count in status.drops.items() if count),
            *(("notice", lit(notice, 500)) for notice in status.notices),
        ]
    lines: list[Line] = [(Piece(f"   {pad(name, 12)}", "head"), Piece(text, "text")) for name, text in pairs]
    return [EMPTY, *(fit(line, cells, glyphs.more) for line in lines)]
