"""What the vendors document about the bodies they take: shapes, limits, and what in a text would act.

Each check takes the body and the headers of one POST and fails where the vendor would refuse it, or would do what
a string from outside says.
"""

from __future__ import annotations

import html as html_
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

# Control characters but line breaks, bidirectional controls, separators.
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
TAGS = {"html", "body", "h2", "p", "em", "table", "tr", "th", "td", "blockquote", "br", "a", "code", "doctype"}

_LINK = re.compile(r"<(https?://[^|<>\s]+)\|[^<>]*>")
_SLACK_MENTION = re.compile(r"<[!@#]|<subteam")
_BARE_MENTION = re.compile(r"@(?:everyone|here|all|channel)\b", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"(?<!\\)(?:\\\\)*\]\(([^)]*)\)")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")

Check = Callable[[bytes, Mapping[str, str]], None]


def html(text: str) -> str:
    return html_.escape(text)


def texts(value: Any) -> Iterator[str]:
    """All strings of a document."""
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from texts(each)
        case list():
            for each in value:
                yield from texts(each)


def parsed(body: bytes, headers: Mapping[str, str]) -> Any:
    assert headers["Content-Type"] == "application/json"
    document = json.loads(body)
    for text in texts(document):
        assert ACTING.search(text) is None, text
    return document


def web(url: str) -> None:
    parts = urlsplit(url)
    assert parts.scheme in {"http", "https"}
    assert parts.hostname
    assert " " not in url


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def slack(body: bytes, headers: Mapping[str, str]) -> None:
    document = parsed(body, headers)
    assert document.keys() == {"text", "attachments"}
    (attachment,) = document["attachments"]
    assert _COLOUR.fullmatch(attachment["color"])
    blocks = attachment["blocks"]
    assert 1 <= len(blocks) <= 50
    for block in blocks:
        match block["type"]:
            case "header":
                assert block["text"]["type"] == "plain_text"
                assert 1 <= len(block["text"]["text"]) <= 150
            case "section":
                assert ("text" in block) != ("fields" in block)
                for text, most in [(block.get("text"), 3_000), *((field, 2_000) for field in block.get("fields", []))]:
                    if text is not None:
                        assert text["type"] == "mrkdwn"
                        assert text["verbatim"] is True
                        assert 1 <= len(text["text"]) <= most
                assert len(block.get("fields", [])) <= 10
            case "context":
                assert 1 <= len(block["elements"]) <= 10
            case kind:
                raise AssertionError(f"no such block: {kind}")
    for text in texts(document):
        left = _LINK.sub("", text)
        assert _SLACK_MENTION.search(text) is None
        assert not set(left) & {"<", ">"}
        assert re.sub(r"&(amp|lt|gt);", "", text if left == text else left).count("&") == 0
        assert _BARE_MENTION.search(text) is None


def discord(body: bytes, headers: Mapping[str, str]) -> None:
    document = parsed(body, headers)
    assert document["allowed_mentions"] == {"parse": []}
    assert 1 <= units(document["content"]) <= 2_000
    (embed,) = document["embeds"]
    assert units(embed["title"]) <= 256
    assert units(embed["description"]) <= 4_096
    assert 0 <= embed["color"] <= 0xFFFFFF
    assert _RFC3339.fullmatch(embed["timestamp"])
    assert len(embed["fields"]) <= 25
    for field in embed["fields"]:
        assert 1 <= units(field["name"]) <= 256
        assert 1 <= units(field["value"]) <= 1_024
    whole = [embed["title"], embed["description"], *(field[key] for field in embed["fields"] for key in field)]
    assert sum(units(text) for text in whole if isinstance(text, str)) <= 6_000
    _markdown(document)


def mattermost(body: bytes, headers: Mapping[str, str]) -> None:
    document = parsed(body, headers)
    (attachment,) = document["attachments"]
    assert attachment["fallback"]
    assert _COLOUR.fullmatch(attachment["color"])
    for field in attachment["fields"]:
        assert field.keys() == {"title", "value", "short"}
    assert sum(map(len, texts(document))) <= 16_383
    _markdown(document)


def teams(body: bytes, headers: Mapping[str, str]) -> None:
    assert len(body) <= 28_000
    document = parsed(body, headers)
    assert document["type"] == "message"
    (attachment,) = document["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert "entities" not in card["msteams"]
    assert card["body"]
    for element in card["body"]:
        if element["type"] == "FactSet":
            assert all(fact.keys() == {"title", "value"} for fact in element["facts"])
        else:
            assert element["type"] == "TextBlock"
            assert element["text"]
            assert element.get("size", "Large") == "Large"
    assert len(card["actions"]) <= 6
    for action in card["actions"]:
        assert action["type"] == "Action.OpenUrl"
        web(action["url"])
    _markdown(card["body"])


def _markdown(document: Any) -> None:
    for text in texts(document):
        assert _BARE_MENTION.search(text) is None
        for url in _MARKDOWN_LINK.findall(text):
            web(url)


def ntfy(body: bytes, headers: Mapping[str, str]) -> None:
    assert 1 <= len(body) <= 4_096
    assert ACTING.search(body.decode()) is None
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Priority"] in {"1", "2", "3", "4", "5"}
    for value in headers.values():
        assert value.isascii()
        assert value.isprintable()
    for word in headers["Title"].split(" ") if "=?" in headers["Title"] else []:
        assert len(word) <= 75
    if "Click" in headers:
        web(headers["Click"])


def pagerduty(body: bytes, headers: Mapping[str, str]) -> None:
    assert len(body) <= 512 * 1024
    event = parsed(body, headers)
    assert event["routing_key"]
    assert event["event_action"] in {"trigger", "acknowledge", "resolve"}
    assert 1 <= len(event["dedup_key"]) <= 255
    payload = event["payload"]
    assert 1 <= len(payload["summary"]) <= 1_024
    assert payload["source"]
    assert payload["severity"] in {"critical", "error", "warning", "info"}
    assert _RFC3339.fullmatch(payload["timestamp"])
    for link in event["links"]:
        assert link.keys() == {"href", "text"}
        web(link["href"])


def alertmanager(body: bytes, headers: Mapping[str, str]) -> None:
    assert headers["Content-Type"] == "application/json"
    alerts = json.loads(body)
    assert isinstance(alerts, list)
    for alert in alerts:
        assert alert.keys() <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
        _alert(alert)
        assert alert["endsAt"] >= alert["startsAt"]


def webhook_alertmanager(body: bytes, headers: Mapping[str, str]) -> None:
    assert headers["Content-Type"] == "application/json"
    document = json.loads(body)
    assert document.keys() == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
        "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    assert document["version"] == "4"
    assert document["groupKey"]
    assert document["status"] in {"firing", "resolved"}
    assert document["alerts"]
    for alert in document["alerts"]:
        assert alert.keys() == {
            "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint",
        }  # fmt: skip
        assert re.fullmatch("[0-9a-f]{16}", alert["fingerprint"])
        assert document["commonLabels"].items() <= alert["labels"].items()
        _alert(alert)


def _alert(alert: Mapping[str, Any]) -> None:
    assert alert["labels"]["alertname"]
    for names in (alert["labels"], alert["annotations"]):
        for name, value in names.items():
            assert _LABEL.fullmatch(name), name
            assert value
    assert not {"stage", "severity"} & alert["labels"].keys()
    assert {"stage", "severity"} <= alert["annotations"].keys()
    for text in alert["annotations"].values():
        assert ACTING.search(text) is None
    for name in ("startsAt", "endsAt"):
        assert _RFC3339.fullmatch(alert[name])


CHECKS: dict[str, Check] = {
    "slack": slack,
    "teams": teams,
    "discord": discord,
    "mattermost": mattermost,
    "ntfy": ntfy,
    "pagerduty": pagerduty,
    "alertmanager": alertmanager,
    "webhook-alertmanager": webhook_alertmanager,
}
