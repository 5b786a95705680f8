"""Numbers as text formats write them: plain decimal, finite, one by one or thousands at once.

Python reads more than the formats mean: `1_000`, ` 1 `, `nan`, `infinity`. So a word is looked at before it is read,
and what overflows (`1e400`) is no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rtmd.formats.batch import Values

_PLAIN = b"0123456789+-.eE"
_PLAIN_AND_COMMA = _PLAIN + b","


def finite(word: bytes) -> float | None:
    """The number that this word is, or None."""
    if not word or word.translate(None, _PLAIN):
        return None
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def all_finite(words: Sequence[bytes]) -> Values | None:
    """The numbers that these words are, or None where one of them is none."""
    if b",".join(words).translate(None, _PLAIN_AND_COMMA):
        return None
    try:
        numbers = np.array(list(map(float, words)), np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None
