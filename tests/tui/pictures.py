"""The pictures in docs/screen.md are lines of golden texts: `<!-- golden NAME FIRST-LAST -->` stands before each.

Of empty lines that follow one another only the first is shown.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).parents[2] / "docs" / "screen.md"

_PICTURE = re.compile(r"<!-- golden (\S+) (\d+)-(\d+) -->\n```\n(.*?)```\n", re.DOTALL)
_CODE = re.compile(r"^```\w+\n.*?^```\n", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^```\n.*\n", re.MULTILINE)


def picture(name: str, first: int, last: int) -> str:
    """The lines of a golden text, numbered from 1, as they stand in the page."""
    lines = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()[first - 1 : last]
    return "".join(f"{line}\n" for before, line in pairwise(["", *lines]) if before or line).rstrip("\n") + "\n"


def drawn_anew(page: str) -> str:
    """The page with its pictures as they should be."""

    def draw(found: re.Match[str]) -> str:
        name, first, last = found[1], int(found[2]), int(found[3])
        return f"<!-- golden {name} {first}-{last} -->\n```\n{picture(name, first, last)}```\n"

    return _PICTURE.sub(draw, page)


def others(page: str) -> list[str]:
    """What else looks like a picture; blocks with a language (```toml) are something else."""
    return _FENCE.findall(_CODE.sub("", _PICTURE.sub("", page)))
