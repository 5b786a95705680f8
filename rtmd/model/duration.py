"""Durations as people write them (`90s`, `1h30m`, `500ms`) and as rtmd computes with them: integer milliseconds.

The units are those of Prometheus, `y w d h m s ms`, each at most once and in falling order, whole numbers only. A
year is 365 days, a week 7. Nothing here knows what a duration is for: limits belong to whoever asks.
"""

from __future__ import annotations

import re

_UNITS = (
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
)
# The days, hours … of `1h30m`; every part may be missing, so the empty text is refused separately.
_SHAPE = re.compile("".join(rf"(?:([0-9]{{1,15}}){unit})?" for unit, _ in _UNITS))
_LONGEST = 100 * 365 * 86_400_000


def parse_duration(text: str) -> int:
    """The milliseconds of `90s`, `2h`, `3d`, `1h30m`, `500ms` or `0`; ValueError says what is wrong with it."""
    if text == "0":
        return 0
    found = _SHAPE.fullmatch(text)
    if found is None or not text:
        raise ValueError(f'"{text[:40]}" is not a duration: write it like 90s, 10m, 1h30m, 2d or 500ms')
    length = sum(int(count) * unit for count, (_, unit) in zip(found.groups("0"), _UNITS, strict=True))
    if length > _LONGEST:
        raise ValueError(f'"{text[:40]}" is longer than 100 years')
    return length


def show_duration(length: int) -> str:
    """The shortest exact text of a duration in ms, in days and below: `1h30m`, `2d`, `1s500ms`, `0s`.

    `parse_duration(show_duration(n)) == n` for every n from 0; a negative one is shown with a sign.
    """
    if length < 0:
        return "-" + show_duration(-length)
    parts = []
    for unit, size in _UNITS[2:]:
        count, length = divmod(length, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
