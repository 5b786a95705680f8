"""Everything the screens share: the picture, the list, the message log, and the mutations with their undo.

Mutations are captured with their target at the keypress, sent at once, and told in one toast each: done, with how
to undo it, or refused, in the daemon's words. Nothing is queued: while the link is down they are refused here.
No Textual in here: the app gives `say` to show a toast.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct, field

from rtmd.wire import AckRequest, FiringView
from rtmd.wire.acks import AcksDone, AcksRequest, UnackRequest
from rtmd.wire.marks import MarkRequest
from rtmd.wire.noise import MissedRequest, VerdictRequest
from rtmd.wire.silences import SilenceRequest
from tui.client import Client
from tui.picture import Picture
from tui.recall import Filters
from tui.roster import Roster
from tui.silencing import Commit, Unsure
from tui.states import is_open
from tui.target import RefusedError
from tui.view.glyphs import Glyphs
from tui.view.length import length
from tui.view.line import lit
from tui.view.moment import Moment

UNDO_WITHIN = 10_000
MOST_ACKS = 1_000  # that the daemon takes at once
LEAST = 60_000  # ms that are left of what is made shorter
LOG_SIZE = 500

T = TypeVar("T")


class Undo(Struct, frozen=True):
    """The last mutation, while it can be taken back."""

    acts: tuple[Callable[[], Coroutine[Any, Any, object]], ...]
    done: str  # what to say then
    until: int  # mono


class Desk(Struct):
    """What one operator works with."""

    client: Client
    glyphs: Glyphs
    clock: Callable[[], int]  # monotonic ms
    say: Callable[[str], None]
    filters: Filters  # that were typed before
    picture: Picture = field(default_factory=Picture)
    roster: Roster = field(default_factory=Roster)
    log: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=LOG_SIZE))
    undo: Undo | None = None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # verb → other keys than usual
    locked: bool = False
    read_only: bool = False  # for good: the daemon was told to refuse as well

    @property
    def now(self) -> Moment:
        """The present moment."""
        return self.picture.moment(self.clock())

    def note(self, text: str) -> None:
        """Put a line into the message log."""
        self.log.append((self.now.wall, text))

    def tell(self, text: str) -> None:
        """Show a toast, and keep it in the log."""
        text = self.glyphs.words(text)
        self.note(text)
        self.say(text)

    def refusal(self, verb: str) -> str:
        """Why nothing can be changed from here now; empty when it can."""
        mark = self.glyphs.fails
        if self.picture.link.stale(self.clock()) or self.picture.status is None:
            return f"{mark} cannot {verb}: no link to the daemon"
        if self.read_only:
            return f"{mark} cannot {verb}: this screen was opened with --readonly"
        if self.locked:
            return f"{mark} cannot {verb}: this screen is locked (R unlocks)"
        if self.picture.role == "view":
            return f"{mark} cannot {verb}: your role is view"
        return ""

    def lock(self) -> None:
        """Lock the screen, or unlock it."""
        if self.read_only:
            self.tell("opened with --readonly: it stays so")
            return
        self.locked = not self.locked
        self.tell("locked: nothing can be changed from here; R unlocks" if self.locked else "unlocked")

    async def attempt(self, act: Coroutine[Any, Any, T], failed: str) -> T | None:
        """What the daemon answers; None when it refused, which is told in its words."""
        try:
            return await act
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} {failed}: {lit(str(problem), 300)}")
            return None

    async def ack(self, targets: list[FiringView]) -> None:
        """Take firings as they were seen, for as long as their stages say."""
        still = [target for target in targets if is_open(target)]
        if not still:
            self.tell(f"{self.glyphs.ok} already resolved: nothing to acknowledge")
            return
        if len(still) > MOST_ACKS:
            self.tell(f"{self.glyphs.fails} not acknowledged: more than {MOST_ACKS} at once; silence the rule instead")
            return
        try:
            if len(still) == 1:
                await self.client.ack(AckRequest(firing=still[0].id, version=still[0].version))
                done = AcksDone([still[0].id])
            else:
                done = await self.client.ack_many(AcksRequest({one.id: one.version for one in still}))
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} not acknowledged: {lit(str(problem), 300)}")
            return
        what = lit(still[0].rule, 60) if len(still) == 1 else f"{len(done.done)} firings"
        for firing_id, why in list(done.refused.items())[:3]:
            self.tell(f"{self.glyphs.fails} not acknowledged: {lit(firing_id, 40)}: {lit(why, 200)}")
        if done.done:
            acts = tuple(partial(self.client.unack, UnackRequest(firing_id)) for firing_id in done.done)
            self.undoable(acts, f"{what}: given back")
            self.tell(f"{self.glyphs.ok} acknowledged {what} · U undo")

    async def judge(self, target: FiringView, word: str) -> None:
        """Say what a firing was: noise, or real."""
        if not await self.attempt(self.client.verdict(VerdictRequest(target.id, word)), "not kept"):
            return
        where = " ".join(lit(value, 40) for _, value in sorted(target.labels.items()))
        other = "N says that it was real" if word == "noise" else "n says that it was noise"
        self.tell(f"{self.glyphs.ok} {lit(target.rule, 60)} {where[:80]}: {word} · {other}")

    async def mark(self, labels: dict[str, str], text: str) -> None:
        """Report that something happened, now."""
        if await self.attempt(self.client.mark(MarkRequest(text, labels=labels)), "not marked"):
            self.tell(f"{self.glyphs.ok} marked: {lit(text, 100)}")

    async def missed(self, rule: str, text: str) -> None:
        """Report what a rule did not see."""
        if await self.attempt(self.client.missed(MissedRequest(rule, text)), "not kept"):
            self.tell(f"{self.glyphs.ok} kept with {lit(rule, 60)}: missed")

    async def silence(self, commit: Commit) -> Unsure | None:
        """Make the silences of the strip; where the daemon wants one confirmed, it ends there."""
        made: list[str] = []
        unsure: Unsure | None = None
        try:
            for request in commit.requests:
                done = await self.client.silence(request)
                made.append(done.id)
        except RefusedError as problem:
            if problem.confirm:
                unsure = Unsure(len(made), "; ".join(lit(each, 200) for each in problem.confirm))
            else:
                self.tell(f"{self.glyphs.fails} not silenced: {lit(str(problem), 300)}")
        if not made:
            return unsure
        moment = self.now
        lasts = commit.requests[0].length
        until = moment.clock(moment.wall + lasts)
        sooner = "sooner when resolved, " if commit.requests[0].lift is not None else ""
        acts = tuple(partial(self.client.expire, silence_id) for silence_id in made)
        self.undoable(acts, f"silence of {commit.what} lifted")
        self.tell(f"{self.glyphs.silenced} {length(lasts)} {sooner}until {until} · U undo")
        return unsure

    async def extend(self, target: FiringView, step: int) -> None:
        """Let an ack of one's own, or the silence over a firing, last so much longer, or shorter."""
        moment, ack = self.now, target.ack
        try:
            if target.silenced_by:
                left = await self._extend_silence(target, step)
            elif ack is not None and ack.by == self.picture.you:
                left = max(LEAST, ack.until - moment.wall + step)
                await self.client.ack(AckRequest(target.id, target.version, left, ack.note))
            else:
                self.tell("there is no silence and no acknowledgement of yours here to extend")
                return
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} not changed: {lit(str(problem), 300)}")
            return
        self.tell(f"{self.glyphs.ok} until {moment.clock(moment.wall + left)} ({length(left // 1000 * 1000)} more)")

    def undoable(self, acts: tuple[Callable[[], Coroutine[Any, Any, object]], ...], done: str) -> None:
        """Remember how to take this back; `done` is said then."""
        self.undo = Undo(acts, done, self.clock() + UNDO_WITHIN)

    async def take_back(self) -> None:
        """Undo the last mutation."""
        undo, self.undo = self.undo, None
        if undo is None or self.clock() > undo.until:
            self.tell("nothing to undo (what you did can be undone for 10 s)")
            return
        try:
            for act in undo.acts:
                await act()
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} not undone: {lit(str(problem), 300)}")
            return
        self.tell(f"{self.glyphs.ok} {undo.done}")

    async def _extend_silence(self, target: FiringView, step: int) -> int:
        """What is left of the silence then; it is edited as of the version that it has now."""
        silence = next((one for one in await self.client.silences() if one.id in target.silenced_by), None)
        if silence is None:
            raise RefusedError("the silence is over")
        left = max(LEAST, silence.ends_at - self.now.wall + step)
        await self.client.silence(SilenceRequest(id=silence.id, version=silence.version, length=left))
        return left
