r"""The gate in front of promql-parser: text to tokens, and tokens to a text that is safe to hand over.

promql-parser kills the process on deeply nested input, knows no positions, loses octal and raw-string rules and has
no `$window`. So every text passes here first: at most 2,000 tokens, brackets balanced and at most 64 deep. Literals
are ours: each number, duration and string is decoded here and travels through the parser as a *placeholder* that
names its token (`17`, `17ms` where a length stands, `"§17"`), so that its value is exact and its place known when it
comes back. What is left to the parser is the grammar.

Offsets count characters of the original text from 0. `$window` is a duration with the value given, in ms; used as a
number (outside of brackets) a duration is its seconds, as in Prometheus 3.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from msgspec import Struct

from rtmd.errors import PromqlError
from rtmd.model.duration import parse_duration

MAX_TOKENS = 2_000
MAX_DEPTH = 64
# Behind these words a metric may stand that is called "offset"; behind any other name it is the modifier.
_BETWEEN = frozenset({"and", "or", "unless", "atan2", "bool", "group_left", "group_right"})
_MAX_TEXT = 256 * 1024
STRING_MARK = "§"

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+|\#[^\n]*)
    | (?P<window>\$[a-zA-Z_][a-zA-Z0-9_]*)
    | (?P<duration>(?:[0-9]+(?:ms|[ywdhms]))+(?![a-zA-Z0-9_.]))
    | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?![a-zA-Z0-9_.]))
    | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
    | (?P<sign>==|!=|=~|!~|>=|<=|[-+*/%^=<>(){}\[\],@])
    """,
    re.VERBOSE,
)
_COLON = re.compile("(?P<sign>:)")
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_ESCAPE = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\'\"])|(?P<octal>[0-7]{3})|x(?P<byte>[0-9a-fA-F]{2})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<bad>.))",
    re.DOTALL,
)
_PLAIN = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))


class Kind(Enum):
    """What a token is; SIGN is an operator or punctuation."""

    NAME = auto()
    NUMBER = auto()
    DURATION = auto()
    STRING = auto()
    SIGN = auto()


class Token(Struct, frozen=True):
    """One token: `end` is the offset after it; `number` of a duration is in ms; `string` is decoded.

    `inside` is the innermost open bracket, or "".
    """

    kind: Kind
    text: str
    offset: int
    end: int
    inside: str = ""
    number: float = 0.0
    string: str = ""


class Gated(Struct, frozen=True):
    """A text that passed: its tokens, and the text for the parser with placeholders for literals."""

    tokens: tuple[Token, ...]
    text: str


def has_window(text: str) -> bool:
    """Whether the expression uses `$window`; never raises: a broken text is judged by its characters."""
    if "$window" not in text:
        return False
    try:
        return any(token.text == "$window" for token in gate(text, window=1).tokens)
    except PromqlError:
        return True


def gate(text: str, *, window: int | None) -> Gated:
    """The tokens of a text and its safe form; raises PromqlError for anything that must not reach the parser."""
    if len(text) > _MAX_TEXT:
        raise PromqlError(f"the expression is longer than {_MAX_TEXT} characters")
    tokens: list[Token] = []
    safe: list[str] = []
    opened: list[Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        # A colon between brackets divides a subquery; elsewhere it belongs to a name.
        if opened and opened[-1].text == "[" and text[position] == ":":
            found = _COLON.match(text, position)
        if found is None:
            raise _stray(text, position)
        position = found.end()
        if found.lastgroup == "space":
            safe.append(" ")
            continue
        token = _token(found, inside=opened[-1].text if opened else "", window=window)
        _track(opened, token)
        if len(tokens) >= MAX_TOKENS:
            raise PromqlError(f"the expression has more than {MAX_TOKENS:,} tokens", token.offset)
        tokens.append(token)
        safe.append(_placeholder(token, len(tokens), is_length=token.inside == "[" or _is_offset(tokens)))
    if opened:
        raise PromqlError(f'"{opened[-1].text}" is never closed', opened[-1].offset)
    if not tokens:
        raise PromqlError("the expression is empty")
    return Gated(tuple(tokens), "".join(safe))


def _track(opened: list[Token], token: Token) -> None:
    if token.kind is not Kind.SIGN:
        return
    if token.text in _CLOSERS.values():
        if len(opened) >= MAX_DEPTH:
            raise PromqlError(f"the expression is nested deeper than {MAX_DEPTH} levels", token.offset)
        opened.append(token)
    elif token.text in _CLOSERS:
        if not opened or opened[-1].text != _CLOSERS[token.text]:
            raise PromqlError(f'"{token.text}" closes nothing', token.offset)
        opened.pop()


def _is_offset(tokens: list[Token]) -> bool:
    """Whether the last token is the length of an `offset` modifier, perhaps behind a sign."""
    before = tokens[-3:-1]
    if before and before[-1].text in {"-", "+"}:
        before = tokens[-4:-2]
    match before:
        case [operand, Token(kind=Kind.NAME, text=word)] if word.lower() == "offset":
            name = operand.kind is Kind.NAME and operand.text.lower() not in _BETWEEN
            return name or operand.text in _CLOSERS
        case _:
            return False


def _placeholder(token: Token, place: int, *, is_length: bool) -> str:
    # Spaces keep a placeholder from growing together with its neighbours.
    match token.kind:
        case Kind.STRING:
            return f'"{STRING_MARK}{place}"'
        case Kind.NUMBER | Kind.DURATION:
            return f" {place}ms " if is_length else f" {place} "
        case _:
            return token.text


def _token(found: re.Match[str], *, inside: str, window: int | None) -> Token:
    text, offset, end = found[0], found.start(), found.end()
    match found.lastgroup:
        case "name":
            return Token(Kind.NAME, text, offset, end, inside)
        case "sign":
            return Token(Kind.SIGN, text, offset, end, inside)
        case "string":
            return Token(Kind.STRING, text, offset, end, inside, string=_decoded(text, offset))
        case "number":
            return Token(Kind.NUMBER, text, offset, end, inside, number=_number(text, offset))
        case _:
            return Token(Kind.DURATION, text, offset, end, inside, number=_length(text, offset, window))


def _length(text: str, offset: int, window: int | None) -> int:
    if not text.startswith("$"):
        try:
            return parse_duration(text)
        except ValueError as error:
            raise PromqlError(str(error), offset) from None
    if text != "$window":
        raise PromqlError(f"unknown placeholder {text}: only $window is known", offset)
    if window is None:
        raise PromqlError("$window has no value here", offset)
    return window


def _number(text: str, offset: int) -> float:
    if text[:2] in {"0x", "0X"}:
        if len(text) > 17:
            raise PromqlError(f"the number {text[:40]} is out of range", offset)
        return float(int(text, 16))
    if len(text) > 1 and text[0] == "0" and text.isdigit():
        # Prometheus reads 017 as octal 15: nobody who writes it means that.
        raise PromqlError(f"the number {text[:40]} has a leading zero", offset)
    value = float(text)
    if value == float("inf"):
        raise PromqlError(f"the number {text[:40]} is out of range", offset)
    return value


def _decoded(text: str, offset: int) -> str:
    body = text[1:-1]
    try:
        if text[0] == "`":
            body.encode()
            return body
        parts: list[bytes] = []
        position = 0
        for found in _ESCAPE.finditer(body):
            parts += (body[position : found.start()].encode(), _unescaped(found, offset + 1))
            position = found.end()
        return b"".join([*parts, body[position:].encode()]).decode()
    except (UnicodeError, ValueError, OverflowError):
        raise PromqlError("the string is not valid Unicode", offset) from None


def _unescaped(found: re.Match[str], start: int) -> bytes:
    text = found[found.lastgroup or 0]
    match found.lastgroup:
        case "plain":
            return _PLAIN[text].encode()
        case "octal":
            return bytes([int(text, 8)])
        case "byte":
            return bytes([int(text, 16)])
        case "short" | "long":
            return chr(int(text, 16)).encode()
        case _:
            raise PromqlError(f"unknown escape \\{text} (write \\\\ for a backslash)", start + found.start())


def _stray(text: str, position: int) -> PromqlError:
    sign = text[position]
    if sign in "\"'`":
        return PromqlError("the string is never closed", position)
    if sign.isascii() and (sign.isdigit() or sign == "."):
        return PromqlError("this is neither a number nor a duration", position)
    if sign == "$":
        return PromqlError("unknown placeholder: only $window is known", position)
    return PromqlError(f"unexpected character {sign!r}", position)
