"""The list behind the Actions screen: what waits for a decision, what went wrong, what goes on, what was lately.

It is read off the firings of the picture, so that it is as new as they are. A proposal and the run that came of it are
one item. What waits stands first, the first to expire on top; what failed, or of which nobody knows, comes next, then
what goes on, then what is over, the newest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from rtmd.wire import FiringView
from rtmd.wire.actions import ProposalView, RunView
from tui.picture import Picture
from tui.rowlist import RowList
from tui.states import WAITING

TROUBLE = ("failed", "unknown", "undo failed", "undo unknown")  # these can be run again
_GOING = ("waiting", "started", "undo waits", "undoing")
_DECIDE, _TROUBLED, _GOES, _OVER = range(4)


class Item(Struct, frozen=True):
    """A proposal, a run, or both."""

    firing: FiringView
    proposal: ProposalView | None = None
    run: RunView | None = None

    @property
    def key(self) -> str:
        """The id of what it began as."""
        return f"p{self.proposal.id}" if self.proposal is not None else f"r{self.run.id}" if self.run else ""

    @property
    def action(self) -> str:
        """What is run."""
        return self.proposal.action if self.proposal is not None else self.run.action if self.run else ""

    @property
    def waits(self) -> bool:
        """Nobody decided yet."""
        return self.proposal is not None and self.proposal.state in WAITING

    @property
    def troubled(self) -> bool:
        """Somebody has to look at what came of it."""
        return self.run is not None and self.run.state in TROUBLE

    def place(self, lag: int) -> tuple[int, int, str]:
        """Where it stands; `lag` is how far the engine's clock, which runs are timed by, is behind the wall's."""
        if self.proposal is not None and self.waits:
            return (_DECIDE, self.proposal.expires_at, self.key)
        if self.run is None:
            ended = self.proposal.decided_at if self.proposal is not None else None
            return (_OVER, -(ended or 0), self.key)
        group = _TROUBLED if self.troubled else _GOES if self.run.state in _GOING else _OVER
        return (group, -(self.run.at + lag), self.key)


def items(firings: Iterable[FiringView]) -> Iterator[Item]:
    """Everything that was proposed or run for these."""
    for firing in firings:
        if not firing.proposals and not firing.runs:
            continue
        runs = {run.id: run for run in firing.runs}
        for proposal in firing.proposals:
            yield Item(firing, proposal, runs.pop(proposal.run, None))
        for run in runs.values():
            yield Item(firing, run=run)


class ActionList(RowList[Item]):
    """What there is to decide, and what was decided and done."""

    _every: list[Item] = field(default_factory=list)

    def take(self, picture: Picture, mono: int) -> None:
        """What the picture has now."""
        moment = picture.moment(mono)
        lag = moment.wall - moment.at
        self._every = sorted(items(picture.firings.values()), key=lambda item: item.place(lag))

    def everything(self) -> list[Item]:
        """All of it."""
        return self._every

    def key_of(self, row: Item) -> str:
        """The proposal, or the run."""
        return row.key

    def title_of(self, row: Item) -> str:
        """Its action."""
        return row.action
