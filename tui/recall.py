"""Filters that were typed before: ↑ and ↓ go through them, in this session and the next ones.

Each screen has its own. They stand in one small file, `$XDG_STATE_HOME/rtmd/filters`, a screen and a filter a line,
the latest last, for their owner only; sessions side by side add to it. What cannot be read or written is done without.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec import Struct, field

from rtmd.model.display import safe
from tui import owned

MOST = 50
LONGEST = 200


class Recall(Struct):
    """The filters of one screen, oldest first, and the place that ↑ has reached."""

    past: list[str] = field(default_factory=list)
    _place: int | None = None  # None: at what is typed anew
    _shown: str = ""
    _draft: str = ""

    def go(self, key: str, typed: str) -> str:
        """What ↑ or ↓ shows in place of what is typed; below the latest is what was typed before ↑."""
        if self._place is None or typed != self._shown:  # what was recalled and changed is typed anew
            self._place, self._draft = len(self.past), typed
        self._place = min(max(0, self._place + (-1 if key == "up" else 1)), len(self.past))
        self._shown = self.past[self._place] if self._place < len(self.past) else self._draft
        return self._shown

    def keep(self, text: str) -> None:
        """A filter was used: it is the latest now, wherever it stood before."""
        self._place = None
        if text:
            self.past = [*(one for one in self.past if one != text), text][-MOST:]


class Filters:
    """The filters of all screens; the file is read when the first of them is wanted."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._screens: dict[str, Recall] | None = None

    def of(self, screen: str) -> Recall:
        """Those of one screen."""
        if self._screens is None:
            self._screens = {}
            for name, text in read(self._place):
                self._screens.setdefault(name, Recall()).past.append(text)
        return self._screens.setdefault(screen, Recall())

    def keep(self, screen: str, text: str) -> None:
        """A filter was used."""
        text = safe(" ".join(text.split()), LONGEST)
        self.of(screen).keep(text)
        if text:
            line = (screen, text)
            write(self._place, [*(one for one in read(self._place) if one != line), line][-MOST:])


def read(place: Path) -> list[tuple[str, str]]:
    """Screen and filter, oldest first; nothing where there is no file to read."""
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []
    found = (line.partition("\t")[::2] for line in text.splitlines()[-MOST:])
    return [(name, safe(typed, LONGEST)) for name, typed in found if typed]


def write(place: Path, lines: list[tuple[str, str]]) -> None:
    """Put them in place of the file, whole or not at all."""
    with contextlib.suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        owned.put(place, "".join(f"{name}\t{typed}\n" for name, typed in lines))
