"""Every key of the screens, as a table: dispatch, footer and help all read it, so they never disagree.

Letters first; nothing essential needs ctrl, alt or a function key. `mutates` marks what the daemon must do:
those keys are dead while the link is down, and refused for who may only view.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """What some keys do: the name of the verb, and its words in help and (short) in the footer."""

    keys: tuple[str, ...]
    verb: str
    help: str
    shown: str = ""
    short: str = ""  # in the footer; empty: only in help
    mutates: bool = False

    @property
    def label(self) -> str:
        """The keys as people read them."""
        return self.shown or " ".join(self.keys)


_HALF_PAGES = (
    Key(("ctrl+d",), "half_down", "half a page down"),
    Key(("ctrl+u",), "half_up", "half a page up"),
)
_PAGES = (
    Key(("g", "home"), "first", "to the top", shown="g"),
    Key(("G", "end"), "last", "to the end", shown="G"),
    Key(("pagedown", "space"), "page_down", "a page down", shown="PgDn"),
    Key(("pageup",), "page_up", "a page up", shown="PgUp"),
    *_HALF_PAGES,
)

LIVE = (
    Key(("a",), "ack", "acknowledge: you have it, for a time that fits the stage", short="ack", mutates=True),
    Key(("s",), "silence", "silence it: opens the strip; s ⏎ takes the stage's length", short="silence", mutates=True),
    Key(("enter",), "why", "why it fires: everything recorded about it", shown="⏎", short="why"),
    Key(("x",), "silenced", "show or hide silenced firings (their count always shows)", short="silenced"),
    Key(("/",), "filter", "filter: words, state:new, sev:crit; ⏎ keeps, esc clears", short="filter"),
    Key(("U",), "undo", "undo your last silence, within 10 s", short="undo", mutates=True),
    Key(("j", "down"), "down", "next row", shown="j ↓"),
    Key(("k", "up"), "up", "previous row", shown="k ↑"),
    Key(("g", "home"), "first", "first row", shown="g"),
    Key(("G", "end"), "last", "last row", shown="G"),
    Key(("pagedown",), "page_down", "a page down", shown="PgDn"),
    Key(("pageup",), "page_up", "a page up", shown="PgUp"),
    *_HALF_PAGES,
    Key(("T",), "zone", "times in UTC or in local time"),
    Key(("m",), "messages", "the log of messages", short="log"),
    Key(("r",), "retry", "try the link again now, when it is down"),
    Key(("escape",), "back", "clear the filter", shown="esc"),
    Key(("q",), "quit", "leave the screen", short="quit"),
    Key(("?",), "help", "these keys", short="keys"),
)

WHY = (
    Key(("escape", "q"), "back", "back to the list", shown="esc", short="back"),
    Key(("]",), "next", "next firing of the list", short="next"),
    Key(("[",), "previous", "previous firing of the list", short="previous"),
    Key(("a",), "ack", "acknowledge", short="ack", mutates=True),
    Key(("s",), "silence", "silence", short="silence", mutates=True),
    Key(("U",), "undo", "undo your last silence, within 10 s", mutates=True),
    Key(("j", "down"), "down", "scroll down", shown="j ↓"),
    Key(("k", "up"), "up", "scroll up", shown="k ↑"),
    *_PAGES,
    Key(("T",), "zone", "times in UTC or in local time"),
    Key(("m",), "messages", "the log of messages"),
    Key(("?",), "help", "these keys", short="keys"),
)

READING = (
    Key(("escape", "q", "?", "m"), "back", "back", shown="esc", short="back"),
    Key(("j", "down"), "down", "scroll down", shown="j ↓", short="down"),
    Key(("k", "up"), "up", "scroll up", shown="k ↑", short="up"),
    *_PAGES,
)

STRIP = (
    Key(("1",), "", "the four lengths of the stage; a digit silences at once", shown="1-4"),
    Key(("enter",), "", "the length in brackets", shown="⏎"),
    Key(("e",), "", "another length: 90s, 45m, 2h, 3d, then ⏎"),
    Key(("r",), "", "the whole rule, or only this again; the figure is what it hides now"),
    Key(("y",), "", "yes, where a second key is asked for"),
    Key(("escape",), "", "leave it", shown="esc"),
)


def lookup(table: tuple[Key, ...]) -> dict[str, Key]:
    """Key name → what it does."""
    return {name: key for key in table for name in key.keys}


def footer(table: tuple[Key, ...]) -> list[tuple[str, str]]:
    """The pairs (key, word) of the footer; the last one always stays."""
    return [(key.label, key.short) for key in table if key.short]
