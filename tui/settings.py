"""What an operator has set for themselves: other keys, in `$XDG_CONFIG_HOME/rtmd/keys.toml`.

A mistake in the file keeps nobody from the screen: it is told, and the usual keys are used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rtmd.model.display import safe
from tui.keymap import READING, WHY, wishes
from tui.places import PLACES


def keys_file() -> Path:
    """Where the keys are."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "rtmd" / "keys.toml"


def wanted_keys(path: Path) -> tuple[Mapping[str, tuple[str, ...]], str]:
    """Verb → keys, and what is wrong with the file (then nothing of it is used)."""
    try:
        text = path.read_text(encoding="utf-8")
        import tomllib  # noqa: PLC0415  # few have the file, and nobody should wait for it before the first paint

        document = tomllib.loads(text)
        return wishes(document, [*(screen.KEYS for screen in PLACES.values()), WHY, READING]), ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        return {}, f"{safe(str(path), 300)}: {safe(str(error), 300)}; the usual keys are used"
