"""Every key of the screens, as tables: dispatch, footer, help and palette all read them, so they never disagree.

Letters first; nothing essential needs ctrl, alt or a function key. `mutates` marks what the daemon must do: those
keys pass one gate (`Desk.refusal`), are dead while the link is down, and refused for who may only look.

Verbs can be given other keys in `keys.toml` (`remapped`): a verb's new keys stand in place of its old ones, and
whatever had one of them loses it. The answers inside strips (digits, `y`, esc) stay what they are.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from msgspec import Struct

from rtmd.model.replace import replace


class Key(Struct, frozen=True):
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
# Rows of a list, on every screen that has one.
ROWS = (
    Key(("j", "down"), "down", "next row", shown="j ↓"),
    Key(("k", "up"), "up", "previous row", shown="k ↑"),
    Key(("g", "home"), "first", "first row", shown="g"),
    Key(("G", "end"), "last", "last row", shown="G"),
    Key(("pagedown",), "page_down", "a page down", shown="PgDn"),
    Key(("pageup",), "page_up", "a page up", shown="PgUp"),
    *_HALF_PAGES,
)
# The main screens (`places`): `go_NAME`.
PLACES = (
    Key(("1",), "go_live", "Live: what fires now"),
    Key(("2",), "go_rules", "Rules: the noisiest first, what is wrong with them, where they are written"),
    Key(("3",), "go_silences", "Silences: what is hidden, by whom, until when, and what nobody remembers"),
    Key(("4",), "go_actions", "Actions: what waits for a decision, what was run"),
    Key(("5",), "go_audit", "Audit: who changed what, when, and from where"),
)
# What waits for a person.
DECIDED = (
    Key(("A",), "approve", "show what would run, then ⏎ lets it", mutates=True),
    Key(("D",), "decline", "decline it: type why, then ⏎", mutates=True),
)
# What people say of a firing.
EVENT = Key(("M",), "report_event", "mark what happened where it fires: type what, then ⏎; plots show it", mutates=True)
SAID = (
    Key(("n",), "say_noise", "say that it was noise", mutates=True),
    Key(("N",), "say_real", "say that it was real", mutates=True),
)
COPY = Key(("y",), "copy", "copy: its line, link, value or commands, to the terminal's clipboard and a file")
# `theme_NAME`: found in the palette, and worth no key.
COLOURS = (
    Key((), "theme_dark", "colours for a dark terminal"),
    Key((), "theme_light", "colours for a light terminal"),
    Key((), "theme_hc", "colours of high contrast"),
    Key((), "theme_ansi", "the sixteen colours of the terminal's own palette"),
)
# The same on every screen; the last one always stands in the footer.
COMMON = (
    *PLACES,
    Key(("H",), "hold", "hold all actions: type why, then ⏎; or lift the hold", mutates=True),
    Key(("T",), "zone", "times in UTC or in local time"),
    Key(("m",), "messages", "the log of messages", short="log"),
    Key((":", "ctrl+p"), "palette", "everything there is to do, by name", shown=":", short="more"),
    Key(("R",), "lock", "lock this screen: nothing can be changed from it until R is pressed again"),
    Key(("ctrl+l",), "redraw", "draw everything anew"),
    Key((), "status", "how the daemon and the link are"),
    Key((), "who", "who looks: everybody with a screen on this daemon, since when and from where"),
    *COLOURS,
    Key(("r",), "retry", "try the link again now, when it is down"),
    Key(("?",), "help", "these keys", short="keys"),
)

LIVE = (
    Key(("a",), "ack", "acknowledge: you have it, for a time that fits the stage", short="ack", mutates=True),
    Key(("s",), "silence", "silence it: opens the strip; s ⏎ takes the stage's length", short="silence", mutates=True),
    Key(("enter",), "why", "why it fires: everything recorded about it", shown="⏎", short="why"),
    Key(("space",), "mark", "mark the row; a and s then act on all that are marked", shown="spc", short="mark"),
    Key(("V",), "mark_range", "mark all rows from the last mark to here"),
    Key(("*",), "mark_all", "mark everything listed, or nothing"),
    Key(
        ("/",),
        "filter",
        "filter: words, state:new, sev:crit, host=db*; ⏎ keeps, esc clears, ↑ has earlier ones",
        short="filter",
    ),
    Key(("x",), "silenced", "show or hide silenced firings (their count always shows)", short="silenced"),
    Key(("l", "right"), "unfold", "open the group", shown="l →"),
    Key(("h", "left"), "fold", "close the group; in a flat list, group by rule", shown="h ←"),
    Key(("v",), "group", "by rule in a storm only, always, or never"),
    Key(("Z",), "freeze", "freeze the list: nothing moves, what comes is counted", short="freeze"),
    Key(("!",), "jump", "to what has waited longest, among the most severe that nobody has"),
    Key(("o",), "sort", "order by urgency, newest, oldest, rule"),
    Key(("=",), "sort_back", "order by urgency again"),
    Key(("+",), "extend", "longer: your acknowledgement, or the silence over it", mutates=True),
    Key(("-",), "shorten", "shorter", mutates=True),
    Key(("U",), "undo", "undo your last silence or acknowledgement, within 10 s", short="undo", mutates=True),
    *SAID,
    EVENT,
    *DECIDED,
    COPY,
    *ROWS,
    Key(("escape",), "back", "take away the marks, else clear the filter", shown="esc"),
    Key(("q",), "quit", "leave the screen", short="quit"),
    *COMMON,
)

WHY = (
    Key(("escape", "q"), "back", "back to the list", shown="esc", short="back"),
    Key(("]",), "next", "next firing of the list", short="next"),
    Key(("[",), "previous", "previous firing of the list", short="previous"),
    Key(("a",), "ack", "acknowledge", short="ack", mutates=True),
    Key(("s",), "silence", "silence", short="silence", mutates=True),
    Key(("tab",), "stage", "the curve of its next stage", short="stage"),
    Key(("w",), "receiver", "why a receiver was told, or was not: one after the other, then all", short="receiver"),
    Key(("+",), "extend", "longer: your acknowledgement, or the silence over it", mutates=True),
    Key(("-",), "shorten", "shorter", mutates=True),
    Key(("U",), "undo", "undo your last silence or acknowledgement, within 10 s", mutates=True),
    *SAID,
    EVENT,
    *DECIDED,
    COPY,
    Key(("j", "down"), "down", "scroll down", shown="j ↓"),
    Key(("k", "up"), "up", "scroll up", shown="k ↑"),
    *_PAGES,
    *COMMON,
)

RULES = (
    Key(
        ("enter",),
        "explain",
        "how its score comes about, and what people said",
        shown="⏎",
        short="explain",
    ),
    Key(("n",), "say_noise", "say that its latest firing was noise", short="noise", mutates=True),
    Key(("N",), "say_real", "say that its latest firing was real", short="real", mutates=True),
    Key(("M",), "report_miss", "report what it did not see: type what, then ⏎", short="missed", mutates=True),
    Key(("e",), "edit", "edit its file, at its line, in $EDITOR", short="edit"),
    Key(("E",), "edit_error", "edit the first file that cannot be used, where it is wrong"),
    Key(("c",), "changes", "what the latest reload did", short="changes"),
    Key(("d",), "days", "noise of 7 days, 30 days or one", short="days"),
    Key(("/",), "filter", "filter: words of names, files and states; ⏎ keeps, esc clears", short="filter"),
    COPY,
    *ROWS,
    Key(("escape",), "back", "clear the filter", shown="esc"),
    Key(("q",), "leave", "back to Live"),
    *COMMON,
)

ACTIONS = (
    Key(("A",), "approve", "show what would run, then ⏎ lets it", short="approve", mutates=True),
    Key(("D",), "decline", "decline it: type why, then ⏎", short="decline", mutates=True),
    Key(("enter",), "explain", "all of it: what would run, what was said", shown="⏎", short="all of it"),
    Key(("E",), "again", "run again what failed, or of which nobody knows", short="run again", mutates=True),
    Key(("a",), "ack", "acknowledge the firing", mutates=True),
    Key(("s",), "silence", "silence the firing", mutates=True),
    Key(("U",), "undo", "undo your last silence or acknowledgement, within 10 s", mutates=True),
    Key(("/",), "filter", "filter: words of actions, firings and states; ⏎ keeps, esc clears", short="filter"),
    COPY,
    *ROWS,
    Key(("escape",), "back", "clear the filter", shown="esc"),
    Key(("q",), "leave", "back to Live"),
    *COMMON,
)

SILENCES = (
    Key(("X",), "lift", "lift it now; U within 10 s takes that back", short="lift", mutates=True),
    Key(("+",), "extend", "longer by its step; one that is over: anew", short="longer, again", mutates=True),
    Key(("-",), "shorten", "shorter by its step", short="shorter", mutates=True),
    Key(("t",), "length", "type how long from now on; one that is over: anew", short="time", mutates=True),
    Key(("e",), "reword", "type why it is there", short="why", mutates=True),
    Key(("U",), "undo", "undo your last change, within 10 s", short="undo", mutates=True),
    Key(("enter",), "explain", "all of it, and the firings that it hides now", shown="⏎", short="all of it"),
    Key(("/",), "filter", "filter: words of matchers, people, reasons; forgotten, ending, over", short="filter"),
    COPY,
    *ROWS,
    Key(("escape",), "back", "clear the filter", shown="esc"),
    Key(("q",), "leave", "back to Live"),
    *COMMON,
)

AUDIT = (
    Key(("enter",), "explain", "the whole line", shown="⏎", short="whole line"),
    Key(("/",), "filter", "filter: words of names, verbs, objects, times; ⏎ keeps, esc clears", short="filter"),
    COPY,
    *ROWS,
    Key(("escape",), "back", "clear the filter", shown="esc"),
    Key(("q",), "leave", "back to Live", short="live"),
    *COMMON,
)

READING = (
    Key(("escape", "q", "?", "m"), "back", "back", shown="esc", short="back"),
    Key(("j", "down"), "down", "scroll down", shown="j ↓", short="down"),
    Key(("k", "up"), "up", "scroll up", shown="k ↑", short="up"),
    *_PAGES,
)

# A screen that nobody works on says nothing of its keys.
WALL = (
    Key(("q",), "quit", "leave the screen"),
    Key(("T",), "zone", "times in UTC or in local time"),
    Key(("r",), "retry", "try the link again now, when it is down"),
    Key(("ctrl+l",), "redraw", "draw everything anew"),
)

STRIP = (
    Key(("1",), "", "the four lengths of the stage; a digit silences at once", shown="1-4"),
    Key(("enter",), "", "the length in brackets", shown="⏎"),
    Key(("u",), "", "until all that it hides has resolved, with a cap by stage"),
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
    return [(key.label, key.short) for key in table if key.short and key.keys]


def remapped(table: tuple[Key, ...], wanted: Mapping[str, tuple[str, ...]]) -> tuple[Key, ...]:
    """The table with other keys for some verbs."""
    known = {key.verb for key in table}
    taken = {name for verb, names in wanted.items() if verb in known for name in names}
    return tuple(_with_keys(key, wanted.get(key.verb), taken) for key in table)


def _with_keys(key: Key, wanted: tuple[str, ...] | None, taken: set[str]) -> Key:
    if wanted is not None:
        return replace(key, keys=wanted, shown="")
    left = tuple(name for name in key.keys if name not in taken)
    return key if left == key.keys else replace(key, keys=left, shown="")


def wishes(document: Mapping[str, object], tables: Iterable[tuple[Key, ...]]) -> dict[str, tuple[str, ...]]:
    """What a `keys.toml` asks for: `verb = "key"` or a list of keys. ValueError says which line of it is wrong."""
    verbs = {key.verb for table in tables for key in table}
    wanted: dict[str, tuple[str, ...]] = {}
    owner: dict[str, str] = {}
    for verb, given in document.items():
        if verb not in verbs:
            near = difflib.get_close_matches(verb, verbs, n=1)
            raise ValueError(f'there is no "{verb}"' + (f': did you mean "{near[0]}"?' if near else ""))
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"{verb}: give a key, or a list of keys")
        for name in names:
            if owner.setdefault(name, verb) != verb:
                raise ValueError(f'"{name}" is given to {owner[name]} and to {verb}')
        wanted[verb] = tuple(names)
    return wanted
