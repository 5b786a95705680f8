"""Templates of receivers: minijinja, checked when rtmd.toml is read, rendered within bounds; its one door.

A template is the operator's own text; what it prints comes from outside. So every value that `{{ … }}` puts out goes
through `escape` of the format it is for, whatever filters it passed before, while the text around it is left alone.
No other files can be included. A loop that never ends runs out of fuel, a text that never ends out of room; both are
a TemplateProblem, as is every other failure, and whoever renders has another text to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from minijinja import Environment, TemplateError

from rtmd.errors import RtmdError
from rtmd.model.display import age, number

OUTPUT = 8 * 1024  # characters

_FUEL = 50_000  # instructions
_ROOM = 8 * OUTPUT  # characters put out by values, before the end is cut off

_MISTAKES = frozenset({
    "SyntaxError", "BadInclude", "TemplateNotFound", "UnknownFilter", "UnknownTest", "UnknownFunction", "UnknownBlock",
})  # fmt: skip

Escape: TypeAlias = Callable[[str], str]


class TemplateProblem(RtmdError):  # noqa: N818  # it is one, not always an error of this program
    """A template that cannot be used, or could not be rendered; `line` counts from 1, 0 where it is not known."""

    def __init__(self, problem: str, line: int = 0) -> None:
        self.line = line
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was checked."""

    source: str

    def render(self, values: Mapping[str, Any], escape: Escape) -> str:
        """The text, at most 8 KiB characters; TemplateProblem when it cannot be made."""
        environment = _environment(_Room(escape))
        try:
            text = environment.render_str(self.source, **values)
        except TemplateError as error:
            raise TemplateProblem(_words(error), error.line or 0) from None
        except Exception as error:  # noqa: BLE001  # of a filter or of us: no message is lost over its wording
            raise TemplateProblem(f"{type(error).__name__}: {error}"[:200]) from None
        return text if len(text) <= OUTPUT else text[: OUTPUT - 1] + "…"


def checked(source: str) -> Template:
    """A template whose syntax is right and that asks for no filter or test that does not exist.

    TemplateProblem otherwise. Names are found out by rendering it with nothing: what only some messages reach is not.
    """
    environment = _environment(_Room(str))
    try:
        environment.add_template("t", source)
        environment.render_template("t")
    except TemplateError as error:
        if error.kind in _MISTAKES:
            raise TemplateProblem(_words(error), error.line or 0) from None
    except Exception:  # noqa: BLE001, S110  # it has no values yet
        pass
    return Template(source)


class _Room:
    """What is done to each value that is put out; there is only so much room for all of them."""

    def __init__(self, escape: Escape) -> None:
        self._escape = escape
        self._left = _ROOM

    def __call__(self, value: object) -> object:
        if isinstance(value, bool | int | float):
            return NotImplemented  # the engine prints them well, and they hold nothing
        cleaned = "" if value is None else self._escape(str(value)[:OUTPUT])
        self._left -= len(cleaned)
        if self._left < 0:
            raise ValueError("the text is too long")
        return cleaned


def _environment(finalizer: Callable[[Any], Any]) -> Environment:
    return Environment(
        debug=False,
        fuel=_FUEL,
        undefined_behavior="chainable",
        auto_escape_callback=lambda _: False,
        finalizer=finalizer,
        filters={"age": _age, "number": number},
    )


def _age(milliseconds: float | None) -> str:
    return "" if milliseconds is None else age(int(milliseconds))


def _words(error: TemplateError) -> str:
    return f"{error.detail or error.kind}"[:200]
