"""Whatever people, programs and files send, it is taken or refused with a reason: nothing crashes, nothing hangs."""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scenarios.score import START, Score

from rtmd.api.requests import decode_request, silence_input
from rtmd.config.template import Template, TemplateProblem
from rtmd.errors import MatcherError, RefusedError
from rtmd.matching import compile_matchers, parse_matchers
from rtmd.model.effects import Answered
from rtmd.model.inputs import SilenceSet
from rtmd.model.labels import labels_of
from rtmd.rulefile.load import load_rules
from rtmd.wire.silences import SilenceRequest

T = TypeVar("T")

WILD = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["\x00", "\u202e", "\x1b]52;c;x\x07", "[/red]", "x" * 5_000, "(" * 500, "a\nb", "{{", "${cred:x}", ""]
)
PATTERNS = st.text(alphabet="ab.*+?()[]{}|\\^$d1,", max_size=30)
MATCHERS = WILD | st.builds("{}{}{}".format, WILD, st.sampled_from(["=", "!=", "=~", "!~"]), WILD | PATTERNS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WILD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NUMBERS = st.integers(-(1 << 65), 1 << 65) | st.sampled_from([0, 1, START, 30 * 86_400_000])
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "matchers": st.lists(MATCHERS, max_size=4) | st.just(['rule="hot"']) | JSON,
        "rule_wide": st.booleans() | JSON,
        "length": NUMBERS | JSON,
        "starts_at": NUMBERS | JSON,
        "comment": WILD | JSON,
        "lift": st.sampled_from(["end", "resolved"]) | JSON,
        "version": NUMBERS,
        "confirm": st.booleans(),
    },
)
PIECES = ["{{", "}}", "{%", "%}", "for x in range(999999999)", "endfor", "a.b", "a['b']", "|upper", "x*x"]
RULE = b"""[rules.hot]
title = "{brand}: hot"
signal = 'sum by (brand) (rate(m[$window])) * 60'
links = { runbook = "https://x.example" }
[rules.hot.seconds]
window = "30s"
above = 120
clear = 80
for = { count = 3, of = 5 }
"""


def tried(make: Callable[[], T], kind: type[Exception]) -> tuple[T | None, str]:
    """What it makes, or why it refuses to; every other error fails the test."""
    try:
        return make(), ""
    except kind as error:
        return None, str(error) or "without a reason"


def asked_for(body: bytes) -> SilenceSet:
    """The silence in a body, as the API reads it."""
    return silence_input(decode_request(body, SilenceRequest), by="ana", wall=START + 2_000)


@given(MATCHERS | st.text(max_size=20))
@example('a=~"(?:x{1,100}){1,100}"')
@example("a=\ud800")
def test_a_text_is_matchers_that_work_or_refused(text: str) -> None:
    matchers, refused = tried(lambda: parse_matchers(text), MatcherError)
    assert refused != "without a reason"
    if matchers is not None:
        compile_matchers(matchers)(labels_of({"a": text, "b": ""}))
        assert parse_matchers(", ".join(map(str, matchers))) == matchers


@settings(max_examples=150)
@given(BODIES)
def test_a_silence_that_is_asked_for_is_made_or_refused_and_the_pipeline_goes_on(body: dict[str, Any]) -> None:
    wanted, refused = tried(partial(asked_for, msgspec.json.encode(body)), RefusedError)
    assert refused != "without a reason"
    if wanted is None:
        return
    score = Score("[rules.hot]\nsignal = 'm'\n[rules.hot.seconds]\nabove = 10\n")
    score.push(1, "m", 11)
    [answer] = [each for each in score.send(2, wanted) if isinstance(each, Answered)]
    assert answer.status in (200, 400, 428)
    assert bool(answer.error) == (answer.status != 200)
    score.push(3, "m", 11)
    score.run(60)


@given(st.binary(max_size=200))
@example(b'{"a":' * 100_000)
@example(b'{"matchers": ["\\ud800=x"]}')
@example(b'{"length": 1e400}')
def test_bytes_that_are_no_request_are_refused(body: bytes) -> None:
    made, refused = tried(partial(asked_for, body), RefusedError)
    assert (made is None) == bool(refused)
    assert refused != "without a reason"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(string.printable, max_size=12), max_size=12).map(" ".join))
@example("{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}")
@example("{{ 'x' * 999999999 }}")
@example("{{ (" * 300)
def test_a_template_is_rendered_within_its_fuel_or_refused(text: str) -> None:
    values = {"a": {"b": "\x1b[31m"}, "x": [1, 2]}
    said, refused = tried(lambda: Template(text).render(values, str), TemplateProblem)
    assert (said is None) == bool(refused)
    assert refused != "without a reason"


@st.composite
def edited(draw: st.DrawFn) -> bytes:
    """A rule file in which pieces were cut, doubled and overwritten."""
    text = RULE
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 12))
        piece = draw(st.binary(max_size=6) | st.sampled_from([b"[", b'"', b"{", b"= 1", b"\n"]))
        text = text[:at] + piece + text[at + length :]
    return text


@settings(max_examples=200, deadline=None)
@given(edited() | st.binary(max_size=120))
@example(b".".join([b"a"] * 20_000) + b" = 1")
@example(b"a = " + b"[" * 100_000)
@example(b"[rules.hot]\nsignal = '" + b"(" * 10_000 + b"'\n[rules.hot.seconds]\n")
def test_a_rule_file_is_rules_or_problems_at_their_place(text: bytes) -> None:
    loaded = load_rules({"rules/x.toml": text})
    assert loaded.errors or not loaded.problems
    for each in loaded.errors:
        assert each.file == "rules/x.toml"
        assert each.problem
        assert 0 <= each.line <= text.count(b"\n") + text.count(b"\r") + 1
