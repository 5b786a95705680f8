"""The list behind the Silences screen, and what people do to a silence: lift, extend, renew, say why.

Active ones stand first, the first to end on top, then those to come, then those that are over, the newest first. Each
change is of the version that is shown. Lifting and renewing can be undone; the daemon asks back where something is
widened much, and `ask` puts that to whoever sits here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

from msgspec import field

from rtmd.model.silence import Lift
from rtmd.wire.silences import SilenceRequest, SilenceView
from tui.desk import LEAST, Desk
from tui.rowlist import RowList
from tui.scale import HOUR, STAGES
from tui.silencing import DEFAULT, PRESETS, TOO_LONG
from tui.target import RefusedError
from tui.view.length import length
from tui.view.line import lit

_PLACES = {"active": 0, "pending": 1}
_OVER = 2

AskBack: TypeAlias = Callable[[str, Callable[[], Coroutine[Any, Any, None]]], None]


class SilenceList(RowList[SilenceView]):
    """The silences, as of the last answer."""

    silences: list[SilenceView] = field(default_factory=list)
    known: bool = False

    def take(self, silences: list[SilenceView]) -> None:
        """What the daemon answered."""
        self.silences, self.known = sorted(silences, key=_place), True

    def everything(self) -> list[SilenceView]:
        """All of them."""
        return self.silences

    def key_of(self, row: SilenceView) -> str:
        """Its id."""
        return row.id


def until_resolved(silence: SilenceView) -> bool:
    """It ends sooner, when all that it matched has resolved."""
    return silence.lift == Lift.RESOLVED


def step(silence: SilenceView) -> int:
    """By how much `+` and `-` move its end: what its highest stage takes by default, an hour where it names none."""
    named = [text for text in silence.matchers if text.startswith("stage=")]
    stages = [stage for stage in STAGES if any(stage in text for text in named)]
    return PRESETS[stages[-1]][DEFAULT] if stages else HOUR


async def lift(desk: Desk, silence: SilenceView) -> None:
    """End it now; undone, it is made again for what was left of it."""
    if silence.state == "expired":
        desk.tell("it is over already; + renews it")
        return
    wall, starts = desk.now.wall, silence.starts_at if silence.state == "pending" else 0
    left = max(LEAST, silence.ends_at - max(silence.starts_at, wall))
    if await desk.attempt(desk.client.expire(silence.id, silence.version), "not lifted"):
        again = SilenceRequest(id=silence.id, starts_at=starts, length=left, confirm=True)
        desk.undoable((partial(desk.client.silence, again),), "the silence is back, under a new id")
        desk.tell(f"{desk.glyphs.ok} lifted {what(silence)} · U undo")


async def extend(desk: Desk, silence: SilenceView, sign: int, ask: AskBack) -> None:
    """Let it last longer or shorter by its step; one that is over is renewed for as long as it lasted."""
    if silence.state != "expired":
        await last(desk, silence, _left(desk, silence) + sign * step(silence), ask)
    elif sign > 0:
        await last(desk, silence, silence.ends_at - silence.starts_at, ask)
    else:
        desk.tell("it is over already; + renews it")


async def last(desk: Desk, silence: SilenceView, wanted: int, ask: AskBack, *, confirm: bool = False) -> None:
    """Let it last so long from now on, or from its start; one that is over begins anew, under another id."""
    span = min(max(LEAST, wanted), TOO_LONG)
    moment, over = desk.now, silence.state == "expired"
    request = SilenceRequest(id=silence.id, version=silence.version, length=span, confirm=confirm)
    try:
        done = await desk.client.silence(request)
    except RefusedError as problem:
        if problem.confirm:
            why = ", ".join(lit(each, 120) for each in problem.confirm)
            ask(f"it {why}: do it?", partial(last, desk, silence, wanted, ask, confirm=True))
            return
        desk.tell(f"{desk.glyphs.fails} not changed: {lit(str(problem), 300)}")
        return
    until = moment.clock(max(moment.wall, 0 if over else silence.starts_at) + span)
    if over:
        desk.undoable((partial(desk.client.expire, done.id),), f"{what(silence)} is over again")
        desk.tell(f"{desk.glyphs.silenced} renewed {what(silence)} until {until} · U undo")
    else:
        desk.tell(f"{desk.glyphs.ok} until {until} ({length(span // 1000 * 1000)} more)")


async def reword(desk: Desk, silence: SilenceView, comment: str) -> None:
    """Say why it is there; it hides what it hid, for as long."""
    request = SilenceRequest(
        id=silence.id, version=silence.version, length=_left(desk, silence), comment=comment, confirm=True
    )
    if await desk.attempt(desk.client.silence(request), "not changed"):
        desk.tell(f"{desk.glyphs.ok} {what(silence)}: {lit(comment, 200)}")


def what(silence: SilenceView) -> str:
    """Its matchers, in short."""
    return lit(", ".join(silence.matchers), 100)


def _left(desk: Desk, silence: SilenceView) -> int:
    return max(LEAST, silence.ends_at - max(silence.starts_at, desk.now.wall))


def _place(silence: SilenceView) -> tuple[int, int, str]:
    place = _PLACES.get(silence.state, _OVER)
    time = (silence.ends_at, silence.starts_at, -silence.ends_at)[place]
    return (place, time, silence.id)
