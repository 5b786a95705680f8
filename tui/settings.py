"""What an operator has set for themselves: other keys (`keys.toml`), and how the screen looks (`screen.toml`).

The files are in `$XDG_CONFIG_HOME/rtmd`. A mistake in a file keeps nobody from the screen: it is told, and nothing of
that file is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from rtmd.model.display import safe
from tui.keymap import READING, WHY, wishes
from tui.places import PLACES, kind
from tui.theme import DARK, named

_LOOKS: dict[str, type] = {"theme": str, "bell": bool}
_GIVE = {str: "a name in quotes", bool: "true or false"}


class Settings(Struct, frozen=True):
    """The files as read; `complaints` say what was wrong with them."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # verb → other keys than usual
    theme: str = DARK.name
    bell: bool = False
    complaints: tuple[str, ...] = ()


def folder() -> Path:
    """Where the files are."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "rtmd"


def settings(place: Path) -> Settings:
    """What the files of a folder say."""
    known: dict[str, Any] = {}
    complaints = []
    for name, read, otherwise in (
        ("keys.toml", _keys, "the usual keys are used"),
        ("screen.toml", _looks, "the usual look is used"),
    ):
        try:
            known |= read(_document(place / name))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            complaints.append(f"{safe(str(place / name), 300)}: {safe(str(error), 300)}; {otherwise}")
    return Settings(complaints=tuple(complaints), **known)


def _document(path: Path) -> dict[str, object]:
    text = path.read_text(encoding="utf-8")
    import tomllib  # noqa: PLC0415  # few have the files, and nobody should wait for it before the first paint

    return tomllib.loads(text)


def _keys(document: Mapping[str, object]) -> dict[str, object]:
    return {"keys": wishes(document, [*(kind(name).KEYS for name in PLACES), WHY, READING])}


def _looks(document: Mapping[str, object]) -> dict[str, object]:
    for name, given in document.items():
        if name not in _LOOKS:
            raise ValueError(f'there is no "{name}": it takes {", ".join(_LOOKS)}')
        if type(given) is not _LOOKS[name]:
            raise ValueError(f"{name}: give {_GIVE[_LOOKS[name]]}")
    if "theme" in document:
        return dict(document) | {"theme": named(str(document["theme"])).name}
    return dict(document)
