from __future__ import annotations

import pytest
from fakes_api import NOW, firing_view, silence_view
from hypothesis import given
from hypothesis import strategies as st

from rtmd.api.requests import DAY, LONGEST, ack_input, decode_request, silence_input
from rtmd.errors import RefusedError
from rtmd.model.inputs import SilenceSet
from rtmd.model.rule import HOUR, MINUTE
from rtmd.wire import AckRequest, FiringView
from rtmd.wire.origin import OriginView
from rtmd.wire.silences import SilenceRequest, SilenceView


def asked(
    request: SilenceRequest, *, firing: FiringView | None = None, existing: SilenceView | None = None
) -> SilenceSet:
    return silence_input(request, by="ana", wall=NOW, firing=firing, existing=existing)


def texts(silence: SilenceSet) -> list[str]:
    return [str(matcher) for matcher in silence.matchers]


@pytest.mark.parametrize(
    ("stage", "matcher", "length"),
    [
        ("seconds", ['stage=~"seconds"'], 5 * MINUTE),
        ("minutes", ['stage=~"seconds|minutes"'], 15 * MINUTE),
        ("hours", [], 4 * HOUR),
    ],
)
def test_a_firing_is_silenced_at_its_stage_and_below_for_a_time_that_fits(
    stage: str, matcher: list[str], length: int
) -> None:
    silence = asked(SilenceRequest(firing="f1"), firing=firing_view(stage=stage))
    assert texts(silence) == ['rule="mention-surge"', 'brand="acme"', *matcher]
    assert (silence.starts_at, silence.ends_at) == (NOW, NOW + length)


def test_rule_wide_leaves_the_labels_out() -> None:
    silence = asked(SilenceRequest(firing="f1", rule_wide=True), firing=firing_view())
    assert texts(silence) == ['rule="mention-surge"', 'stage=~"seconds|minutes"']


def test_labels_named_like_our_own_do_not_contradict_the_silence() -> None:
    firing = firing_view(labels={"stage": "main", "rule": "x", "severity": "page", "brand": "acme"})
    assert texts(asked(SilenceRequest(firing="f1"), firing=firing))[:2] == ['rule="mention-surge"', 'brand="acme"']


def test_matchers_without_a_length_silence_for_an_hour() -> None:
    silence = asked(SilenceRequest(matchers=["brand=acme", 'stage=~"sec.*"'], comment="known"))
    assert texts(silence) == ['brand="acme"', 'stage=~"sec.*"']
    assert (silence.by, silence.ends_at - NOW, silence.comment, silence.id) == ("ana", HOUR, "known", "")


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (SilenceRequest(), "at least one matcher"),
        (SilenceRequest(matchers=["a=b"], firing="f1"), "not both"),
        (SilenceRequest(matchers=["a=b"], rule_wide=True), "rule_wide needs a firing"),
        (SilenceRequest(matchers=['brand=~".*"', 'desk!="x"']), "must not match the empty string"),
        (SilenceRequest(matchers=['brand=""']), "must not match the empty string"),
        (SilenceRequest(matchers=["brand"]), "matcher brand"),
        (SilenceRequest(matchers=['brand=~"("']), "regular expression"),
        (SilenceRequest(matchers=["a=b"] * 33), "more than 32"),
        (SilenceRequest(matchers=["a=b"], length=-1), "ends before it starts"),
        (SilenceRequest(matchers=["a=b"], length=LONGEST + 1), "30 days"),
        (SilenceRequest(matchers=["a=b"], starts_at=NOW + 400 * DAY), "a year ahead"),
        (SilenceRequest(matchers=["a=b"], comment="x" * 3000), "comment"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused_with_the_reason(request_: SilenceRequest, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        asked(request_)


def test_a_start_in_the_past_becomes_now_and_one_ahead_stays() -> None:
    assert asked(SilenceRequest(matchers=["a=b"], starts_at=5)).starts_at == NOW
    ahead = asked(SilenceRequest(matchers=["a=b"], starts_at=NOW + HOUR, length=MINUTE))
    assert (ahead.starts_at, ahead.ends_at) == (NOW + HOUR, NOW + HOUR + MINUTE)


def test_editing_keeps_start_matchers_and_comment_and_counts_the_length_from_now() -> None:
    edited = asked(SilenceRequest(id="s1", length=HOUR), existing=silence_view())
    assert (edited.starts_at, edited.ends_at, edited.id) == (NOW - MINUTE, NOW + HOUR, "s1")
    assert (texts(edited), edited.comment) == (['rule="mention-surge"'], "known")


def test_editing_nothing_but_the_comment_leaves_the_end_where_it_is() -> None:
    edited = asked(SilenceRequest(id="s1", comment="migration"), existing=silence_view(ends_at=NOW + 3 * DAY))
    assert (edited.ends_at, edited.comment) == (NOW + 3 * DAY, "migration")
    over = asked(SilenceRequest(id="s1"), existing=silence_view(state="expired", ends_at=NOW - 1))
    assert over.ends_at == NOW + HOUR


def test_editing_an_expired_silence_starts_now() -> None:
    assert asked(SilenceRequest(id="s1"), existing=silence_view(state="expired")).starts_at == NOW


def test_an_ack_keeps_the_version_that_was_seen_and_leaves_its_default_to_the_stage() -> None:
    ack = ack_input(AckRequest(firing="f1", version=3, note="on it"), by="ana")
    assert (ack.firing_id, ack.version, ack.length, ack.note, ack.by) == ("f1", 3, 0, "on it", "ana")


@pytest.mark.parametrize(
    "request_", [AckRequest(firing=""), AckRequest(firing="f1", length=-1), AckRequest(firing="f1", note="x" * 3000)]
)
def test_an_ack_that_makes_no_sense_is_refused(request_: AckRequest) -> None:
    with pytest.raises(RefusedError):
        ack_input(request_, by="ana")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"firing": "f1", "lenght": 5}', 'unknown field "lenght": did you mean "length"'),
        (b'{"firing": "f1", "zzz": 5}', 'unknown field "zzz": known are firing, version, length, note'),
        (b'{"firing": 5}', "Expected `str`, got `int`"),
        (b"{}", "missing required field `firing`"),
        (b"{", "truncated"),
        (b'{"firing": "\xff"}', "utf-8"),
        pytest.param(b'{"firing": ' + b"[" * 100_000, "Expected", id="deep"),
    ],
)
def test_a_body_that_is_no_request_says_which_field_is_wrong(body: bytes, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        decode_request(body, AckRequest)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(body: bytes) -> None:
    try:
        decode_request(body, SilenceRequest)
    except RefusedError:
        return


def test_an_alert_that_others_raised_is_silenced_by_all_its_labels_and_nothing_virtual() -> None:
    labels = {"alertname": "mention-surge", "severity": "page", "stage": "production"}
    firing = firing_view(labels=labels, origin=OriginView("Prometheus", NOW))
    one, wide = (asked(SilenceRequest(firing="f1", rule_wide=wide), firing=firing) for wide in (False, True))
    assert texts(one) == ['alertname="mention-surge"', 'severity="page"', 'stage="production"']
    assert texts(wide) == ['alertname="mention-surge"']
