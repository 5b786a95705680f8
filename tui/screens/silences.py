"""The Silences screen: what is hidden, by whom and why, until when, and which silences nobody remembers."""

from __future__ import annotations

from functools import partial

from rtmd.wire.silences import SilenceView
from tui import silences as deeds
from tui.copying import Choice, of_silence
from tui.entry import Entry
from tui.keymap import SILENCES
from tui.screens.board import AskingBoard
from tui.screens.reading import TextScreen
from tui.silences import SilenceList
from tui.silencing import parse_length
from tui.view import silences as view
from tui.view.line import EMPTY, Line, Piece, lit


class SilencesScreen(AskingBoard):
    """The silences that are remembered."""

    NAME = "Silences"
    KEYS = SILENCES
    ASK_EVERY = 5_000

    def __init__(self) -> None:
        super().__init__()
        self.silences = SilenceList()
        self._heard: tuple[int, int] | None = None

    @property
    def board(self) -> SilenceList:
        """The silences."""
        return self.silences

    def show(self) -> None:
        """Draw; silences that came or went are asked for at once."""
        status = self.desk.picture.status
        heard = (status.silences, status.silenced) if status is not None else None
        if heard != self._heard:
            self._heard = heard
            self.look_again()
        super().show()

    async def inquire(self) -> None:
        """All silences."""
        self.silences.take(await self.desk.client.silences())

    def info(self, cells: int) -> Line:
        """How many there are."""
        return view.info(self.silences, self.problem, cells, self.desk.glyphs)

    def heading(self, cells: int) -> Line:
        """The names over the columns."""
        return view.heading(cells)

    def row(self, row: SilenceView, cells: int, *, selected: bool) -> Line:
        """One silence."""
        return view.row(row, self.desk.now, cells, self.desk.glyphs, selected=selected)

    def brief(self, row: SilenceView, cells: int) -> list[Line]:
        """The whole scope and reason of the one under the cursor."""
        return view.brief(row, self.desk.now, cells)

    def words(self, row: SilenceView) -> str:
        """State, matchers, people, reasons."""
        return view.words(row, self.desk.now)

    def why_empty(self) -> str:
        """The filter, or that there are none."""
        if self.silences.filter:
            return f'0 of {len(self.silences.silences)} match "{lit(self.silences.filter, 100)}" · esc clears'
        return "Nothing is silenced: s on Live does." if self.silences.known else "asking the daemon …"

    def taken(self, row: SilenceView) -> tuple[Choice, ...]:
        """Line, id, and the commands that end it and make another."""
        return of_silence(row, self.line(row))

    def do_explain(self) -> None:
        """All there is to know of it."""
        if self.silences.chosen is not None:
            self.app.push_screen(TextScreen(partial(self._explained, self.silences.cursor)))

    def do_lift(self) -> None:
        """End it now."""
        if self.silences.chosen is not None:
            self.run(deeds.lift(self.desk, self.silences.chosen))

    def do_extend(self) -> None:
        """Longer, or anew."""
        self._extend(1)

    def do_shorten(self) -> None:
        """Shorter."""
        self._extend(-1)

    def do_length(self) -> None:
        """Type how long it lasts from now on."""
        chosen = self.silences.chosen
        if chosen is not None:
            prompt = f"{deeds.what(chosen)} for (90s, 45m, 2h, 3d): "
            self.strip = Entry(prompt, "set", verb="change that", act=partial(self._last, chosen))

    def do_reword(self) -> None:
        """Type why it is there."""
        chosen = self.silences.chosen
        if chosen is not None and chosen.state == "expired":
            self.desk.tell("it is over already; + renews it")
        elif chosen is not None:
            act = partial(deeds.reword, self.desk, chosen)
            self.strip = Entry(f"{deeds.what(chosen)} because: ", "keep", chosen.comment, verb="change that", act=act)

    def _extend(self, sign: int) -> None:
        if self.silences.chosen is not None:
            self.run(deeds.extend(self.desk, self.silences.chosen, sign, self.ask))

    async def _last(self, silence: SilenceView, text: str) -> None:
        wanted = parse_length(text)
        if wanted is None:
            self.desk.tell(f"{self.desk.glyphs.fails} not changed: give a length like 90s, 45m, 2h, 3d")
        else:
            await deeds.last(self.desk, silence, wanted, self.ask)

    def _explained(self, key: str, cells: int) -> list[Line]:
        found = next((each for each in self.silences.silences if each.id == key), None)
        if found is None:
            return [EMPTY, (Piece(" this silence is forgotten", "quiet"),)]
        return view.explain(found, self.desk.picture.firings.values(), self.desk.now, cells, self.desk.glyphs)
