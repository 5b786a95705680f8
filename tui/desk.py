"""Everything the screens share: the picture, the list, the message log, and the mutations with their undo.

Mutations are captured with their target at the keypress, sent at once, and told in one toast each: done, with how
to undo it, or refused, in the daemon's words. Nothing is queued: while the link is down they are refused here.
No Textual in here: the app gives `say` to show a toast.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rtmd.wire import AckRequest, FiringView
from rtmd.wire.noise import MissedRequest, VerdictRequest
from tui.client import Client, RefusedError
from tui.picture import Picture
from tui.roster import Roster
from tui.silencing import Commit
from tui.states import is_open
from tui.view.glyphs import Glyphs
from tui.view.length import length
from tui.view.line import lit
from tui.view.moment import Moment

UNDO_WITHIN = 10_000
LOG_SIZE = 500


@dataclass(frozen=True, slots=True)
class Undo:
    """The last mutation, while it can be taken back."""

    silence_id: str
    what: str
    until: int  # mono


@dataclass(slots=True)
class Desk:
    """What one operator works with."""

    client: Client
    glyphs: Glyphs
    clock: Callable[[], int]  # monotonic ms
    say: Callable[[str], None]
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

    async def ack(self, target: FiringView) -> None:
        """Take a firing as it was seen."""
        if not is_open(target):
            self.tell(f"{self.glyphs.ok} already resolved: nothing to acknowledge")
            return
        try:
            await self.client.ack(AckRequest(firing=target.id, version=target.version))
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} not acknowledged: {lit(str(problem), 300)}")
            return
        self.tell(f"{self.glyphs.ok} acknowledged {lit(target.rule, 60)}")

    async def judge(self, target: FiringView, word: str) -> None:
        """Say what a firing was: noise, or real."""
        try:
            await self.client.verdict(VerdictRequest(target.id, word))
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} not kept: {lit(str(problem), 300)}")
            return
        where = " ".join(lit(value, 40) for _, value in sorted(target.labels.items()))
        other = "N says that it was real" if word == "noise" else "n says that it was noise"
        self.tell(f"{self.glyphs.ok} {lit(target.rule, 60)} {where[:80]}: {word} · {other}")

    async def missed(self, rule: str, text: str) -> None:
        """Report what a rule did not see."""
        try:
            await self.client.missed(MissedRequest(rule, text))
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} not kept: {lit(str(problem), 300)}")
            return
        self.tell(f"{self.glyphs.ok} kept with {lit(rule, 60)}: missed")

    async def silence(self, target: FiringView, commit: Commit) -> None:
        """Make the silence of the strip."""
        try:
            done = await self.client.silence(commit.request)
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} not silenced: {lit(str(problem), 300)}")
            return
        moment = self.now
        lasts = commit.request.length
        until = moment.clock(moment.wall + lasts)
        self.undo = Undo(done.id, lit(target.rule, 60), moment.mono + UNDO_WITHIN)
        self.tell(f"{self.glyphs.silenced} {length(lasts)} until {until} · U undo")

    async def take_back(self) -> None:
        """Undo the last silence."""
        undo, self.undo = self.undo, None
        if undo is None or self.clock() > undo.until:
            self.tell("nothing to undo (a silence can be undone for 10 s, an acknowledgement not at all)")
            return
        try:
            await self.client.expire(undo.silence_id)
        except RefusedError as problem:
            self.tell(f"{self.glyphs.fails} not undone: {lit(str(problem), 300)}")
            return
        self.tell(f"{self.glyphs.ok} silence of {undo.what} lifted")
