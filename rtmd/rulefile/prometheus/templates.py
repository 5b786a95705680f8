"""Templates of annotations, as far as they say the same here: labels and the value, and text around them.

`{{ $labels.x }}` (also `.Labels.x`, `index $labels "x"`) and `{{ $value }}` (also `.Value`). Functions, pipes, trimmed
blanks and everything else of Go's templates are more than a substitution: such a template is None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from rtmd.model.title import PLACEHOLDERS

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LABEL = re.compile(r'(?:\$labels|\.Labels)\.([A-Za-z_][A-Za-z0-9_]*)|index \$labels "([A-Za-z_][A-Za-z0-9_]*)"')
_VALUE = frozenset({"$value", ".Value"})


class Label(Struct, frozen=True):
    """The value of a label of the sample."""

    name: str


class Value:
    """The value of the sample."""


Part: TypeAlias = str | Label | Value


def read_template(text: str) -> tuple[Part, ...] | None:
    """The parts of a template; None where it needs more than they can say."""
    parts: list[Part] = []
    end = 0
    for found in _ACTION.finditer(text):
        parts.append(text[end : found.start()])
        end = found.end()
        action = found[1].strip()
        label = _LABEL.fullmatch(action)
        if label:
            parts.append(Label(label[1] or label[2]))
        elif action in _VALUE:
            parts.append(Value())
        else:
            return None
    parts.append(text[end:])
    return tuple(part for part in parts if part != "")


def title_of(parts: tuple[Part, ...]) -> str | None:
    """A title with the same meaning; None where one of our own placeholders would take a label's place."""
    if any(isinstance(part, Label) and part.name in PLACEHOLDERS for part in parts):
        return None
    texts = [_piece(part) for part in parts]
    return " ".join("".join(texts).split())


def _piece(part: Part) -> str:
    match part:
        case Label(name):
            return f"{{{name}}}"
        case Value():
            return "{value}"
        case text:
            return text.replace("{", "{{").replace("}", "}}")


def render(parts: tuple[Part, ...], labels: Mapping[str, str], value: float) -> str:
    """What Prometheus makes of a template."""
    return "".join(_filled(part, labels, value) for part in parts)


def _filled(part: Part, labels: Mapping[str, str], value: float) -> str:
    match part:
        case Label(name):
            return labels.get(name, "")
        case Value():
            return go_number(value)
        case text:
            return text


def go_number(value: float) -> str:
    """A number as Go prints it: the shortest exact digits, with an exponent from 1e+06 on and below 1e-04."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    shortest = repr(value)
    power = int(f"{value:e}".partition("e")[2])
    if -4 <= power < 6:
        return shortest.removesuffix(".0")
    digits = len(shortest.partition("e")[0].removesuffix(".0").replace(".", "").strip("-0")) or 1
    mantissa = f"{value:.{digits - 1}e}".partition("e")[0]
    return f"{mantissa}e{power:+03d}"
