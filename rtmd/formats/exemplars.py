"""Exemplars as the formats bring them → `Exemplar`, cut to a size that is good to keep.

Prometheus and OpenMetrics exemplars are bare label sets (usually a trace id); ours has a text, an author, a reach
and a link. Labels with those names fill those fields, the others become the text: nothing is lost. Long strings
are cut rather than refused: a long post must not cost the numbers that came with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from rtmd.model.firing import Exemplar

MAX_TEXT = 2048  # characters
MAX_FIELD = 1024
MAX_EXEMPLARS = 1000  # kept from one post; the rest is dropped, the first ones win


def exemplar(*, text: str = "", author: str = "", reach: float = 0.0, url: str = "") -> Exemplar:
    """An exemplar with its strings cut to size, and a reach that is a number."""
    return Exemplar(
        text=text[:MAX_TEXT],
        author=author[:MAX_FIELD],
        reach=reach if math.isfinite(reach) else 0.0,
        url=url[:MAX_FIELD],
    )


def exemplar_of(pairs: Iterable[tuple[str, str]]) -> Exemplar:
    """The exemplar that these labels spell: `text`, `author`, `reach`, `url`; others appear as `name="value"`."""
    own = {"text": "", "author": "", "reach": "", "url": ""}
    others = []
    for name, value in pairs:
        if name in own:
            own[name] = value
        else:
            others.append(f'{name}="{value}"')
    text = " ".join([own["text"], *others] if own["text"] else others)
    return exemplar(text=text, author=own["author"], reach=_number(own["reach"]), url=own["url"])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
