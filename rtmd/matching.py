"""Matchers compiled to functions over label sets, for selectors, silences, routes and inhibition alike.

The value of a matcher is `model.matcher`; this module makes it act. All regular expressions are RE2 (linear time,
whatever an operator types), match the whole value as in Prometheus, and `.` matches a line break too. A missing
label counts as the empty string. Matchers of one list are joined by "and"; equalities are looked at first because
they are cheap and usually decide. Verdicts of patterns are cached per (pattern, value), bounded: values repeat.

The text form is Prometheus' and amtool's: `name="value"`, `name!=value`, `name=~"a|b"`, `name!~'x.*'`, a list
separated by commas, optionally in braces. Quotes may be left out around simple values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Protocol, TypeAlias, cast

import re2

from rtmd.errors import MatcherError
from rtmd.model.labels import Labels
from rtmd.model.matcher import Matcher, MatchOp

Matches: TypeAlias = Callable[[Labels], bool]

_PATTERN_LIMIT = 4096
_REGEX = (MatchOp.REGEX, MatchOp.NOT_REGEX)
_NEGATIVE = (MatchOp.NOT_EQUAL, MatchOp.NOT_REGEX)

_NAME = r'(?P<name>[a-zA-Z_:][a-zA-Z0-9_:.]*|"(?:[^"\\\n]|\\.)+")'
_VALUE = r"""(?P<value>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[^\s"'`{},=~!]*)"""
_MATCHER = re.compile(rf"\s*{_NAME}\s*(?P<op>=~|!~|!=|=)\s*{_VALUE}\s*")
_REFERENCE = re.compile(r"\$(?:\$|\{(?P<braced>[A-Za-z0-9_]+)\}|(?P<plain>[A-Za-z0-9_]+))")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


class _Found(Protocol):
    def group(self, place: int | str) -> bytes | None: ...


class _Pattern(Protocol):
    groups: int
    groupindex: dict[str, int]

    def fullmatch(self, text: bytes) -> _Found | None: ...


def _options() -> object:
    options = re2.Options()
    options.log_errors = False  # it would write to stderr by itself
    options.dot_nl = True
    return options


_OPTIONS = _options()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a lone surrogate is some character: it must not break a match


@lru_cache(maxsize=1024)
def _pattern(text: str) -> _Pattern:
    if len(text) > _PATTERN_LIMIT:
        raise MatcherError(f"the pattern is longer than {_PATTERN_LIMIT} characters")
    try:
        return cast("_Pattern", re2.compile(_encoded(text), _OPTIONS))
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise MatcherError(f'"{text[:80]}" is not a regular expression (RE2): {shown}') from None


@lru_cache(maxsize=65_536)
def _full_match(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(_encoded(value)) is not None


def matches_value(matcher: Matcher, value: str) -> bool:
    """Whether one label value satisfies the matcher; raises MatcherError for a pattern that does not compile."""
    holds = _full_match(matcher.value, value) if matcher.op in _REGEX else matcher.value == value
    return holds is not (matcher.op in _NEGATIVE)


def check_pattern(text: str) -> None:
    """Raise MatcherError for a pattern that does not compile."""
    _pattern(text)


def replaced(pattern: str, value: str, template: str) -> str | None:
    """The template with `$1`, `${name}` from the whole value's match, as Go expands it; None without a match."""
    compiled = _pattern(pattern)
    found = compiled.fullmatch(_encoded(value))
    if found is None:
        return None

    def group(reference: re.Match[str]) -> str:
        name = reference["braced"] or reference["plain"] or ""
        if not name:
            return "$"  # "$$"
        known = int(name) <= compiled.groups if name.isdecimal() else name in compiled.groupindex
        text = found.group(int(name) if name.isdecimal() else name) if known else None
        return (text or b"").decode("utf-8", "replace")

    return _REFERENCE.sub(group, template)


def is_wildcard(matcher: Matcher) -> bool:
    """Whether the matcher is satisfied by the empty string, hence by label sets without the label."""
    return matches_value(matcher, "")


def compile_matchers(matchers: tuple[Matcher, ...]) -> Matches:
    """One function that says whether all matchers hold for a label set; no matchers match everything.

    Raises MatcherError now, not later, for a pattern that does not compile.
    """
    for matcher in matchers:
        if matcher.op in _REGEX:
            _pattern(matcher.value)
    cheap_first = sorted(matchers, key=lambda matcher: (matcher.op in _REGEX, matcher.op in _NEGATIVE))
    return partial(_all_match, tuple(cheap_first))


def _all_match(matchers: tuple[Matcher, ...], labels: Labels) -> bool:
    values = dict(labels)
    return all(matches_value(matcher, values.get(matcher.name, "")) for matcher in matchers)


def parse_matcher(text: str) -> Matcher:
    """The one matcher that a text like `severity=~"warning|critical"` says; MatcherError otherwise."""
    matchers = parse_matchers(text)
    if len(matchers) != 1 or text.lstrip().startswith("{"):
        raise MatcherError(f"one matcher is wanted here, not {_quoted(text)}")
    return matchers[0]


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of a comma-separated list, with or without braces, in the order written.

    Every pattern is compiled, so what is returned can be handed to `compile_matchers`. Raises MatcherError.
    """
    body = text.strip()
    if body.startswith("{"):
        if not body.endswith("}"):
            raise MatcherError(f"the brace is never closed in {_quoted(text)}")
        body = body[1:-1].strip()
    matchers: list[Matcher] = []
    position = 0
    while position < len(body):
        found = _MATCHER.match(body, position)
        if found is None:
            raise MatcherError(f'write matchers as name="value" (= != =~ !~), not {_quoted(body[position:])}')
        matchers.append(_checked(found))
        position = found.end()
        if position < len(body):
            if body[position] != ",":
                raise MatcherError(f"a comma or the end is missing before {_quoted(body[position:])}")
            position += 1
    return tuple(matchers)


def _checked(found: re.Match[str]) -> Matcher:
    matcher = Matcher(_unquoted(found["name"]), MatchOp(found["op"]), _unquoted(found["value"]))
    if matcher.op in _REGEX:
        _pattern(matcher.value)
    return matcher


def _unquoted(text: str) -> str:
    if text[:1] not in {'"', "'"}:
        return text
    # An unknown escape stays as written, so that "\d" is the pattern people mean.
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text[1:-1])


def _quoted(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:59]}…"'
