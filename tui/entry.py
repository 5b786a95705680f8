"""A line that is typed at the bottom of the screen: a filter, or a reason; pure, keys in, text out.

At ⏎ `act` is done with the text, which needs one. A filter works while it is typed instead: `heard` is told of each
change, `kept` of what stands there at ⏎, `recalled` says what ↑ and ↓ bring, and `passed` how many rows of how many
it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct

LIMIT = 1_000


class Entry(Struct, frozen=True):
    """A line while it is typed; `done` says what ⏎ does, `verb` what that is called where it is refused."""

    prompt: str
    done: str
    text: str = ""
    verb: str = ""
    heard: Callable[[str], None] | None = None
    act: Callable[[str], Coroutine[Any, Any, None]] | None = None
    kept: Callable[[str], None] | None = None
    recalled: Callable[[str, str], str] | None = None  # key and text → text
    passed: Callable[[], tuple[int, int]] | None = None


def edited(text: str, key: str, limit: int = LIMIT) -> str:
    """The text after a key; keys that write nothing leave it as it is."""
    match key:
        case "backspace":
            return text[:-1]
        case "ctrl+u":
            return ""
        case _:
            return (text + key)[:limit] if len(key) == 1 else text


def pasted(text: str, more: str, limit: int = LIMIT) -> str:
    """The text with something pasted: on one line, whatever it was."""
    return (text + " ".join(more.split()))[:limit]
