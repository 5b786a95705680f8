"""The marks of the screen, in Unicode and in ASCII (`--ascii`, or a locale that is not UTF-8).

Every mark stands beside a word or in a fixed place, so that nothing depends on colour. The Unicode marks are of
ambiguous width in East Asian terminals; a blank follows each of them, and `--ascii` avoids them altogether.
"""

from __future__ import annotations

from msgspec import Struct, field

WORDS = {"critical": "CRIT", "warning": "WARN", "info": "INFO"}
STYLES = {"critical": "crit", "warning": "warn", "info": "info"}


class Glyphs(Struct, frozen=True):
    """One set of marks; severities by their wire names, all of one width."""

    severity: dict[str, str] = field(default_factory=lambda: {"critical": "▲", "warning": "◆", "info": "●"})
    unknown: str = "?"
    live: str = "●"
    stale: str = "■"
    silenced: str = "⊘"
    ok: str = "✓"
    fails: str = "✗"
    no_data: str = "∅"
    unlit: str = "·"
    enter: str = "⏎"
    more: str = "…"
    between: str = " · "
    rule: str = "─"
    above: str = "↑"
    below: str = "↓"
    cursor: str = ">"
    mark: str = "+"
    both: str = "»"  # the cursor on something marked
    folded: str = "▸"
    unfolded: str = "▾"
    side: str = "│"  # of a plot: its left edge, where a figure stands, its lower left corner
    tick: str = "┤"
    corner: str = "└"
    threshold: str = "╌"  # and its levels
    clear: str = "┄"
    ascii_only: bool = False

    def of(self, severity: str) -> str:
        """The mark of a severity."""
        return self.severity.get(severity, self.unknown)

    def words(self, text: str) -> str:
        """A text of the screen's own (never one from outside) in this set: its marks replaced where needed."""
        return text.translate(_TO_ASCII) if self.ascii_only else text


UNICODE = Glyphs()
ASCII = Glyphs(
    severity={"critical": "!!", "warning": "! ", "info": ". "},
    unknown="? ",
    live="*",
    stale="##",
    silenced="zz",
    ok="ok",
    fails="x",
    no_data="--",
    unlit=".",
    enter="ret",
    more="~",
    between=" / ",
    rule="-",
    above="^",
    below="v",
    cursor=">",
    both="#",
    folded=">",
    unfolded="v",
    side="|",
    tick="+",
    corner="+",
    threshold="-",
    clear=".",
    ascii_only=True,
)

_TO_ASCII = str.maketrans(
    {
        "·": "/", "–": "-", "—": "-", "…": "~", "⏎": "ret", "↓": "v", "↑": "^", "→": "->", "←": "<-", "─": "-",
        "×": "x", "≤": "<=", "≥": ">=", "✓": "ok", "✗": "x", "⊘": "zz", "▲": "!!", "◆": "!", "●": ".", "∅": "--",
        "■": "##",
    }
)  # fmt: skip
