"""What each kind of receiver is sent: golden bodies, the vendors' documented shapes and limits, and hostile values.

`GOLDEN=write` in the environment writes the golden texts anew, for reviewing the difference.
"""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from collections import Counter
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from pathlib import Path

import pytest
import vendors
from fakes_receivers import AT, KINDS, MENTIONS, PARIS, new, raised, resolved, still, together, told, voice
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmd.config import (
    AlertmanagerReceiver,
    Chat,
    ChatReceiver,
    EmailReceiver,
    NtfyReceiver,
    PagerDutyReceiver,
    WebhookFormat,
    WebhookReceiver,
    Wording,
)
from rtmd.config.template import checked
from rtmd.model.firing import Ack, Evidence, Exemplar, StageRecord, StageState
from rtmd.model.mark import Mark, MarkKind
from rtmd.model.reaction import Notification, Told
from rtmd.model.replace import replace
from rtmd.receivers.body import notification_body
from rtmd.receivers.escapes import plain
from rtmd.receivers.mail import compose
from rtmd.receivers.said import web_address
from rtmd.receivers.webhook import PostedReceiver, Scene, render

GOLDEN = Path(__file__).parent / "golden"
URL = "https://hooks.example/x"
CONFIGS: dict[str, PostedReceiver] = {
    "slack": ChatReceiver("desk", Chat.SLACK, URL),
    "teams": ChatReceiver("desk", Chat.TEAMS, URL),
    "discord": ChatReceiver("desk", Chat.DISCORD, URL),
    "mattermost": ChatReceiver("desk", Chat.MATTERMOST, URL),
    "ntfy": NtfyReceiver("desk", URL, token="tk_1", tags=("desk",)),  # noqa: S106  # a made-up one
    "pagerduty": PagerDutyReceiver("desk", "key1"),
    "alertmanager": AlertmanagerReceiver("desk", URL),
    "webhook-alertmanager": WebhookReceiver("desk", URL, format=WebhookFormat.ALERTMANAGER),
}
MAIL = EmailReceiver("desk", "mail.example", "rtmd@example.org", ("ana@example.org", "bo@example.org"))


def bodies(
    kind: str, message: Notification, wording: Wording | None = None
) -> tuple[tuple[bytes, ...], dict[str, str]]:
    found, headers = render(message, CONFIGS[kind], voice(wording), Scene("war room", AT + 5_000))
    return found, dict(headers)


def mail(message: Notification, wording: Wording | None = None) -> bytes:
    body = notification_body(message)
    spoken = voice(wording)
    return compose(message, spoken.say(message, body, plain), spoken.say(message, body, vendors.html), MAIL).as_bytes()


def shown(kind: str, message: Notification, wording: Wording) -> str:
    if kind == "email":
        parsed = message_from_bytes(mail(message, wording), policy=policy.default)
        heads = [f"{name}: {value}" for name, value in parsed.items() if not name.startswith("Content-")]
        parts = [str(part.get_content()).replace("\r\n", "\n") for part in parsed.iter_parts()]
        return "\n".join([*heads, "", *parts])
    found, headers = bodies(kind, message, wording)
    heads = [f"{name}: {value}" for name, value in headers.items() if name != "Content-Type"]
    if kind == "ntfy":
        return "\n".join([*heads, "", found[0].decode(), ""])
    texts = [json.dumps(json.loads(body), ensure_ascii=False, indent=1) for body in found]
    return "\n".join([*heads, *texts, ""])


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("kind", [*CONFIGS, "email"])
def test_every_kind_of_message_looks_like_its_golden_text(kind: str, lang: str) -> None:
    wording = PARIS if lang == "fr" else Wording()
    text = "".join(f"### {name}\n{shown(kind, make(), wording)}\n" for name, make in KINDS.items())
    path = GOLDEN / f"{kind}.{lang}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("what", list(KINDS))
@pytest.mark.parametrize("kind", list(CONFIGS))
def test_every_body_is_what_the_vendor_documents(kind: str, what: str) -> None:
    found, headers = bodies(kind, KINDS[what]())
    for body in found:
        vendors.CHECKS[kind](body, headers)


def test_an_incident_is_triggered_and_resolved_under_the_firings_id() -> None:
    events = [json.loads(bodies("pagerduty", make())[0][0]) for make in (new, raised, resolved)]
    assert [event["event_action"] for event in events] == ["trigger", "trigger", "resolve"]
    assert {event["dedup_key"] for event in events} == {MENTIONS.id}
    assert [event["payload"]["severity"] for event in events] == ["info", "warning", "warning"]


def test_each_firing_of_a_group_is_an_incident_of_its_own() -> None:
    found, _ = bodies("pagerduty", together())
    assert [json.loads(body)["event_action"] for body in found] == ["trigger", "resolve"]


def test_a_rise_is_the_same_alert_to_an_alertmanager() -> None:
    alerts = [json.loads(bodies("alertmanager", make())[0][0])[0] for make in (new, raised, still)]
    assert len({json.dumps(alert["labels"]) for alert in alerts}) == 1
    assert [alert["annotations"]["stage"] for alert in alerts] == ["seconds", "minutes", "hours"]
    webhooks = [json.loads(bodies("webhook-alertmanager", make())[0][0])["alerts"][0] for make in (new, raised, still)]
    assert len({alert["fingerprint"] for alert in webhooks}) == 1


def test_an_alert_lives_four_times_as_long_as_it_takes_to_send_it_again() -> None:
    (alert,) = json.loads(bodies("alertmanager", raised())[0][0])
    assert (alert["startsAt"], alert["endsAt"]) == ("2027-01-15T07:48:00.000Z", "2027-01-15T08:04:05.000Z")
    (ended,) = json.loads(bodies("alertmanager", resolved())[0][0])
    assert ended["endsAt"] == "2027-01-15T08:00:00.000Z"


def test_an_end_is_an_end_to_an_alertmanager_though_the_clock_was_set_back_meanwhile() -> None:
    back = Scene("rtmd", AT - 3_600_000)
    (body,), _ = render(resolved(), CONFIGS["alertmanager"], voice(), back)
    (alert,) = json.loads(body)
    assert alert["startsAt"] == alert["endsAt"] == "2027-01-15T07:00:00.000Z"


def test_the_mails_of_a_firing_are_one_thread() -> None:
    first, second, last = (message_from_bytes(mail(make())) for make in (new, raised, resolved))
    assert first["References"] is None
    assert second["References"] == second["In-Reply-To"] == last["References"] == first["Message-ID"]
    assert len({each["Message-ID"] for each in (first, second, last)}) == 3
    again = message_from_bytes(mail(raised()))
    assert again["Message-ID"] == second["Message-ID"]


def test_an_address_of_a_link_is_of_the_web_or_left_out() -> None:
    assert web_address("https://x.example/a?b=(c)&d='e") == "https://x.example/a?b=%28c%29&d=%27e"
    assert web_address("https://x.example/@everyone") == "https://x.example/%40everyone"
    for bad in (
        "https://bank.example@evil.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "",
        "http://[",
        "x" * 9,
        "data:text/html,x",
    ):
        assert web_address(bad) == ""
    assert vendors.ACTING.search(web_address("https://x/<a>|\"'`)]\n\u202e*")) is None


def test_a_template_takes_the_place_of_the_words_and_its_values_are_escaped() -> None:
    wording = Wording(
        title=checked("{{ alerts[0].firing.severity | upper }} {{ alerts[0].firing.title }}"),
        text=checked("*{{ alerts[0].firing.labels.brand }}* <!here> {{ alerts[0].firing.value }}"),
    )
    hostile = told(replace(MENTIONS, labels=(("brand", "<!channel> *x* @here\u202e"),)), Told.FIRING)
    body = json.loads(bodies("slack", hostile, wording)[0][0])
    blocks = body["attachments"][0]["blocks"]
    assert body["text"] == "WARNING Mentions of acme"
    assert blocks[-1]["text"]["text"] == "*&lt;!channel&gt; ∗x∗ @\u200bhere\ufffd* <!here> 182.5"


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}",
        "{{ 1 / 0 }}",
        "{{ at|age(1) }}",
        "{% for a in range(99) %}{{ 'x' * 8000 }}{% endfor %}",
    ],
)
def test_a_template_that_fails_is_replaced_counted_and_logged(source: str, caplog: pytest.LogCaptureFixture) -> None:
    failures: Counter[str] = Counter()
    message = raised()
    said = voice(Wording(text=checked(source)), failures).say(message, notification_body(message), plain)
    assert "Somebody should answer now." in said.plain()
    assert failures == {"desk": 1}
    assert "text of receiver desk failed" in caplog.text


def test_what_a_template_writes_is_never_longer_than_eight_kilobytes() -> None:
    message = raised()
    endless = checked("{% for a in range(900) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}")
    said = voice(Wording(text=endless)).say(message, notification_body(message), plain)
    assert said.text is not None
    assert (len(said.text), said.text[-1]) == (8_192, "…")


# Everything that means something to one of the vendors, and what breaks encodings.
PIECES = st.sampled_from(
    [
        "<!here>", "<!channel>", "<@U012>", "@everyone", "@here", "@all", "@channel", "<@&1>", "&", "&lt;", "*", "_",
        "~", "`", "|", "[x](https://evil.example)", "\r\nBcc: x@evil.example\r\n", "\n", "\x00", "\x1b[31m", "\u202e",
        "\u2028", "=?utf-8?q?x?=", '"', "\\", "'", "</td><script>", "{{ x }}", "{% x %}", "𝔘", "é", "日本", "#tag",
        ":x:",
    ]
)  # fmt: skip
HOSTILE = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join) | PIECES.map(lambda piece: piece * 900)
NAMES = st.sampled_from(["brand", "host", "_x", "topic"])


def placed(place: str, value: str) -> Notification:
    """A message with this value in one place."""
    exemplar = Exemplar("x", "a", 1.0, "https://x.example/")
    firing, instead = MENTIONS, ""
    match place:
        case "title" | "unit" | "owner":
            firing = replace(firing, **{place: value})  # type: ignore[arg-type]
        case "label":
            firing = replace(firing, labels=(("brand", value),))
        case "link":
            firing = replace(firing, links=((value, f"https://x.example/{value}"),))
        case "ack":
            firing = replace(firing, ack=Ack(value, AT, AT + 1))
        case "author" | "text" | "url":
            exemplar = replace(exemplar, **{place: f"https://x.example/{value}" if place == "url" else value})
        case _:
            instead = value
    record = replace(firing.stages[1], evidence=Evidence(AT, (), (exemplar,)))
    return replace(told(replace(firing, stages=(record,)), Told.FIRING), instead_of=instead, because=instead)


@pytest.mark.parametrize("place", ["title", "unit", "owner", "label", "link", "ack", "author", "text", "url", "note"])
@pytest.mark.parametrize("kind", list(CONFIGS))
def test_nothing_that_means_something_to_a_vendor_means_anything_in_any_place(kind: str, place: str) -> None:
    for piece in (
        "@everyone",
        "@all",
        "<!here>",
        "<@U1>",
        "[x](https://evil.example)",
        "*",
        "_",
        "\\",
        "&",
        "\n",
        "#tag",
    ):
        for times in (1, 2, 900):
            found, headers = bodies(kind, placed(place, piece * times))
            for body in found:
                vendors.CHECKS[kind](body, headers)


MARKED = st.builds(Mark, HOSTILE, st.integers(AT - 3_600_000, AT), st.sampled_from(MarkKind), HOSTILE)


@st.composite
def messages(draw: st.DrawFn) -> Notification:
    """A message whose every text is hostile."""
    exemplars = draw(st.lists(st.builds(Exemplar, HOSTILE, HOSTILE, st.floats(0, 1e9), HOSTILE), max_size=4))
    evidence = Evidence(AT, (), tuple(exemplars))
    value = draw(st.floats(allow_nan=True, allow_infinity=True) | st.none())
    record = StageRecord(MENTIONS.stage, StageState.FIRING, value=value, peak=value, evidence=evidence)
    labels = draw(st.dictionaries(NAMES, HOSTILE.filter(bool), max_size=3))
    links = draw(st.dictionaries(HOSTILE, HOSTILE | HOSTILE.map(lambda text: f"https://x.example/{text}"), max_size=9))
    what = draw(st.sampled_from([Told.FIRING, Told.RAISED, Told.STILL_FIRING, Told.RESOLVED]))
    firing = replace(
        MENTIONS,
        title=draw(HOSTILE),
        labels=tuple(sorted(labels.items())),
        unit=draw(HOSTILE),
        owner=draw(HOSTILE),
        links=tuple(links.items()),
        stages=(record,),
        resolved_at=AT if what is Told.RESOLVED else None,
        marks=tuple(draw(st.lists(MARKED, max_size=4))),
        ack=draw(st.none() | st.builds(Ack, by=HOSTILE, at=st.just(AT), until=st.just(AT + 1), note=HOSTILE)),
    )
    message = told(firing, what, seq=draw(st.integers(1, 3)))
    return replace(message, instead_of=draw(st.just("") | HOSTILE), because=draw(HOSTILE))


def _encodable(message: Notification) -> bool:
    try:
        notification_body(message)
    except UnicodeEncodeError:  # lone surrogates cannot come in: the store would refuse them
        return False
    return True


TEMPLATED = Wording(
    title=checked("{{ alerts[0].firing.title }}"),
    text=checked("{{ alerts[0].firing.labels }} {{ alerts[0].evidence.exemplars | tojson }} {{ because | upper }}"),
)


@pytest.mark.parametrize("kind", list(CONFIGS))
@given(message=messages().filter(_encodable), templated=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_value_from_outside_breaks_a_body_mentions_anybody_or_breaks_a_limit(
    kind: str, message: Notification, *, templated: bool
) -> None:
    found, headers = bodies(kind, message, TEMPLATED if templated else PARIS)
    for body in found:
        vendors.CHECKS[kind](body, headers)


@given(message=messages().filter(_encodable), templated=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_value_from_outside_adds_a_header_or_a_tag_to_a_mail(message: Notification, *, templated: bool) -> None:
    raw = mail(message, TEMPLATED if templated else None)
    parsed = message_from_bytes(raw, policy=policy.default)
    allowed = {
        "Subject", "From", "To", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "Importance",
        "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert set(parsed.keys()) <= allowed
    assert parsed["To"] == "ana@example.org, bo@example.org"
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    text, page = parsed.iter_parts()
    assert vendors.ACTING.search(str(text.get_content()).replace("\r\n", "\n")) is None
    assert set(re.findall(r"<(\w+)", str(page.get_content()))) <= vendors.TAGS


@given(message=messages().filter(_encodable))
@settings(max_examples=60, deadline=None)
def test_a_title_comes_out_of_ntfys_header_as_it_went_in(message: Notification) -> None:
    _, headers = bodies("ntfy", message)
    spoken = voice().say(message, notification_body(message), plain)
    title = str(make_header(decode_header(headers["Title"])))
    assert title.removesuffix("…") in spoken.title
    assert urllib.parse.urlsplit(headers.get("Click", "https://x")).scheme in {"http", "https"}
