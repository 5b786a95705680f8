"""What each key of each screen must do: screen → verb → what is pressed before it, what must then be so, what follows.

The order is that in which somebody at the screen presses them; each step leaves the screen as the next one needs it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from seat import Seat

from tui.approval import Approval
from tui.copying import Copying
from tui.entry import Entry
from tui.members import Sort
from tui.palette import Palette
from tui.roster import Grouping
from tui.screens.base import DeskScreen, Question
from tui.screens.live import LiveScreen
from tui.screens.reading import TextScreen
from tui.screens.why import WhyScreen
from tui.silencing import SilenceStrip
from tui.view.line import plain
from tui.widgets.canvas import Canvas

Check: TypeAlias = Callable[[Seat], object]


@dataclass(frozen=True, slots=True)
class Step:
    """One press of a verb's key."""

    met: Check  # what must become so
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    ready: Callable[[Seat], Awaitable[None]] | None = None  # what has to be so first, where no key makes it so


def at(place: int) -> Step:
    """The cursor of the list is on this row."""
    return Step(lambda seat: seat.app.desk.roster.index == place)


def strip(kind: type) -> Step:
    """A strip opens; esc closes it."""
    return Step(lambda seat: isinstance(front(seat).strip, kind), after=("escape",))


def page(*texts: str, before: tuple[str, ...] = ()) -> Step:
    """A page to read opens; esc leaves it."""
    return Step(
        lambda seat: isinstance(seat.app.screen, TextScreen) and all(text in seat.text for text in texts),
        before=before,
        after=("escape",),
    )


def place(name: str, back: str = "1") -> Step:
    """A main screen is in front."""
    return Step(lambda seat: seat.app.current_mode == name, after=(back,))


def sent(verb: str, **facts: Any) -> Step:
    """The latest request is this one, and says this."""
    return Step(lambda seat: latest(seat)[0] == verb and facts.items() <= said_in(latest(seat)[1]).items())


def said(text: str) -> Step:
    """The latest message says this."""
    return Step(lambda seat: bool(seat.said) and text in seat.said[-1])


def themed(name: str) -> Step:
    """The screen has this theme."""
    return Step(lambda seat: seat.app.theme == name)


def scrolled(met: Callable[[int, int], bool]) -> Step:
    """The first line in view of what is read, and the height of the page, are so."""
    return Step(lambda seat: met(pages(seat).top, pages(seat).size.height))


def row(met: Callable[[Any], bool]) -> Step:
    """The board of a main screen is so."""
    return Step(lambda seat: met(board(seat)))


def front(seat: Seat) -> DeskScreen:
    """The screen in front."""
    assert isinstance(seat.app.screen, DeskScreen)
    return seat.app.screen


def pages(seat: Seat) -> Any:
    """The pager in front."""
    return getattr(front(seat), "_pages")  # noqa: B009  # of whichever screen has one


def board(seat: Seat) -> Any:
    """The board in front."""
    return getattr(front(seat), "board")  # noqa: B009  # of whichever screen has one


def latest(seat: Seat) -> tuple[str, Any]:
    """What the daemon was asked for last."""
    return seat.daemon.requests[-1] if seat.daemon.requests else ("", None)


def said_in(request: Any) -> dict[str, Any]:
    """The fields of a request."""
    return {} if request is None else {name: getattr(request, name) for name in request.__struct_fields__}


async def lost(seat: Seat) -> None:
    """The link goes down, and is not tried again for long; something is missed meanwhile."""
    seat.app.desk.client._backoff = (60.0,)
    seat.daemon.skip()  # so that there is a new picture afterwards
    seat.daemon.hang_up()
    await seat.until(lambda: seat.app.desk.picture.link.retry_at)


async def wiped(seat: Seat) -> None:
    """Whatever was drawn is forgotten."""
    for canvas in front(seat).query(Canvas):
        canvas._strips.clear()


def drawn(seat: Seat) -> bool:
    """All that can be seen was drawn anew, though nothing in it changed."""
    return all(canvas._strips for canvas in front(seat).query(Canvas) if canvas.display)


ROWS = {
    "down": row(lambda board: board.index == 1),
    "up": row(lambda board: board.index == 0),
    "last": row(lambda board: board.index == len(board.rows) - 1),
    "first": row(lambda board: board.index == 0),
    "page_down": row(lambda board: board.index == min(board.height, len(board.rows) - 1)),
    "page_up": row(lambda board: board.index == 0),
    "half_down": row(lambda board: board.index == min(board.height // 2, len(board.rows) - 1)),
    "half_up": row(lambda board: board.index == 0),
    "filter": Step(lambda seat: isinstance(front(seat).strip, Entry), after=("g", "enter")),
    "back": row(lambda board: board.filter == ""),
    "copy": strip(Copying),
}
LEAVES = Step(lambda seat: seat.app.current_mode == "live")
PAGES = {
    "down": scrolled(lambda top, _: top == 1),
    "up": scrolled(lambda top, _: top == 0),
    "last": scrolled(lambda top, _: top > 1),
    "first": scrolled(lambda top, _: top == 0),
    "page_down": scrolled(lambda top, _: top > 1),
    "page_up": scrolled(lambda top, _: top == 0),
    "half_down": scrolled(lambda top, _: top > 1),
    "half_up": scrolled(lambda top, _: top == 0),
}
COMMON = {
    "go_live": Step(lambda seat: seat.app.current_mode == "live", before=("5",)),
    "go_rules": place("rules"),
    "go_silences": place("silences"),
    "go_actions": place("actions"),
    "go_audit": place("audit"),
    "hold": strip(Entry),
    "zone": Step(lambda seat: not seat.app.desk.picture.utc, after=("T",)),
    "messages": page(),
    "palette": strip(Palette),
    "lock": Step(lambda seat: seat.app.desk.locked, after=("R",)),
    "redraw": Step(drawn, ready=wiped),
    "status": page("evaluated", "samples"),
    "who": page("ana"),
    "theme_light": themed("rtmd-light"),
    "theme_hc": themed("rtmd-hc"),
    "theme_ansi": themed("ansi"),
    "theme_dark": themed("rtmd-dark"),
    "help": page("On the screen Live"),
    "retry": Step(lambda seat: "● LIVE" in seat.text, ready=lost),
}

# The list begins with `top`, which is critical, one of two of its rule, and waits for a decision.
ROWS_LISTED = 32
EXPECTED: dict[str, dict[str, Step]] = {
    "Live": {
        "down": at(1),
        "up": at(0),
        "last": at(ROWS_LISTED - 1),
        "first": at(0),
        "page_down": Step(lambda seat: seat.app.desk.roster.index == seat.app.desk.roster.height),
        "page_up": at(0),
        "half_down": Step(lambda seat: seat.app.desk.roster.index == seat.app.desk.roster.height // 2),
        "half_up": at(0),
        "mark": Step(lambda seat: seat.app.desk.roster.marks == {"top"}, after=("j",)),
        "mark_range": Step(lambda seat: len(seat.app.desk.roster.marks) == 3),
        "mark_all": Step(lambda seat: len(seat.app.desk.roster.marks) == ROWS_LISTED),
        "back": Step(lambda seat: not seat.app.desk.roster.marks),
        "jump": Step(lambda seat: seat.cursor == "other", before=("G",)),
        "filter": strip(Entry),
        "silenced": Step(lambda seat: seat.app.desk.roster.show_silenced, after=("x",)),
        "freeze": Step(lambda seat: seat.app.desk.roster.frozen, after=("Z",)),
        "sort": Step(lambda seat: seat.app.desk.roster.sort is Sort.NEWEST),
        "sort_back": Step(lambda seat: seat.app.desk.roster.sort is Sort.URGENCY, after=("g",)),
        "why": Step(lambda seat: isinstance(seat.app.screen, WhyScreen), after=("escape",)),
        "copy": strip(Copying),
        "approve": strip(Approval),
        "decline": strip(Entry),
        "silence": strip(SilenceStrip),
        "report_event": strip(Entry),
        "ack": sent("ack", firing="top", length=0),
        "extend": sent("ack", firing="top", length=15 * 60_000 + 15 * 60_000),
        "shorten": sent("ack", firing="top", length=15 * 60_000),
        "undo": sent("ack/end", firing="top"),
        "say_noise": sent("verdict", firing="top", verdict="noise"),
        "say_real": sent("verdict", firing="top", verdict="real"),
        **COMMON,
        "group": Step(lambda seat: seat.app.desk.roster.grouping is Grouping.ON),
        "fold": Step(lambda seat: seat.cursor == "\x00pair", before=("g",)),
        "unfold": Step(lambda seat: seat.app.desk.roster.unfolded == {"pair"}),
        "quit": Step(lambda seat: not seat.app.is_running),
    },
    "Why": {
        "stage": Step(lambda seat: "signal hours" in seat.text),
        "receiver": Step(lambda seat: any("as far as desk" in plain(line) for line in pages(seat).lines)),
        **PAGES,
        "copy": strip(Copying),
        "approve": strip(Approval),
        "decline": strip(Entry),
        "silence": strip(SilenceStrip),
        "report_event": strip(Entry),
        "ack": sent("ack", firing="top"),
        "extend": sent("ack", firing="top", length=30 * 60_000),
        "shorten": sent("ack", firing="top", length=15 * 60_000),
        "undo": sent("ack/end", firing="top"),
        "say_noise": sent("verdict", firing="top", verdict="noise"),
        "say_real": sent("verdict", firing="top", verdict="real"),
        "next": Step(lambda seat: seat.cursor != "top"),
        "previous": Step(lambda seat: seat.cursor == "top"),
        "back": Step(lambda seat: isinstance(seat.app.screen, LiveScreen)),
    },
    "Rules": {
        **ROWS,
        "explain": page("gc-pause"),
        "say_noise": said("there is no firing here"),
        "say_real": said("there is no firing here"),
        "report_miss": strip(Entry),
        "edit": said("cannot be edited"),
        "edit_error": said("every rule file is in use"),
        "changes": page("kept"),
        "days": Step(lambda seat: "noise of the last 30 days" in seat.text),
        "leave": LEAVES,
    },
    "Silences": {
        **ROWS,
        "explain": page("site-latency"),
        "length": strip(Entry),
        "reword": strip(Entry),
        "extend": sent("silence", id="s2"),
        "shorten": sent("silence", id="s2"),
        "lift": sent("silence/expire", id="s2"),
        "undo": sent("silence", id="s2", confirm=True),
        "leave": LEAVES,
    },
    "Actions": {
        **ROWS,
        "explain": page("pause-ads"),
        "approve": strip(Approval),
        "decline": strip(Entry),
        "silence": strip(SilenceStrip),
        "ack": sent("ack", firing="f1"),
        "undo": sent("ack/end", firing="f1"),
        "again": Step(lambda seat: isinstance(front(seat).strip, Question), before=(*"/failed", "enter"),
                      after=("escape", "escape")),
        "leave": LEAVES,
    },
    "Audit": {**ROWS, "explain": page(), "leave": LEAVES},
    "Text": {**PAGES, "back": Step(lambda seat: isinstance(seat.app.screen, LiveScreen))},
}  # fmt: skip
