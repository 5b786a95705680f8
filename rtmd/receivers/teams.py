"""Microsoft Teams, by the webhook of a workflow ("Post to a channel when a webhook request is received").

The body is a message with one Adaptive Card. Limit: 28 KB, measured in bytes; facts and quotes are dropped from the
end until it fits, and a last line says so. Nobody is mentioned, as a card mentions only whom it lists as an entity.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rtmd.model.reaction import Notification
from rtmd.model.rule import Severity
from rtmd.receivers.fit import CUT, clip
from rtmd.receivers.said import Part, Said

_BYTES = 28_000
_TITLE = 500
_TEXT = 5_000
_VALUE = 1_000
_ACTIONS = 6

_STYLES = {Severity.INFO: "Accent", Severity.WARNING: "Warning", Severity.CRITICAL: "Attention"}


def teams(message: Notification, said: Said) -> bytes:
    """The body to post; `said` in markdown."""
    colour = "Good" if message.resolved else _STYLES[message.severity]
    title = _block(clip(said.title, _TITLE), size="Large", weight="Bolder", color=colour)
    body = [title, *(_block(clip(note, _TEXT), isSubtle=True) for note in said.notes)]
    if said.text is not None:
        body.append(_block(clip(said.text, _TEXT)))
    else:
        for part in said.parts:
            body += _part(part, said)
    parts = said.parts if said.text is None else ()
    links = [link for part in parts for link in part.links]
    actions = [{"type": "Action.OpenUrl", "title": name, "url": url} for name, url in links[:_ACTIONS]]
    encoded = _card(body, actions)
    while len(encoded) > _BYTES and len(body) > 1:
        body = [*body[: -2 if body[-1].get("text") == CUT else -1], _block(CUT)]
        if len(body) <= 2:
            actions = []
        encoded = _card(body, actions)
    return encoded


def _card(body: list[dict[str, Any]], actions: list[dict[str, Any]]) -> bytes:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": actions,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return msgspec.json.encode({"type": "message", "attachments": [attachment]})


def _part(part: Part, said: Said) -> list[dict[str, Any]]:
    blocks = [_block(part.lead)] if part.lead else []
    facts = [{"title": name, "value": clip(value, _VALUE)} for name, value in part.facts]
    if facts:
        blocks.append({"type": "FactSet", "facts": facts})
    for quote in part.quotes:
        by = f"[{quote.by or 'link'}]({quote.url})" if quote.url else quote.by
        blocks.append(_block(quote.text))
        blocks += [_block(by, isSubtle=True, spacing="None")] if by else []
    if part.command:
        command = _block(part.command, fontType="Monospace")
        blocks += [_block(said.take, isSubtle=True), command]
    return blocks


def _block(text: str, **more: object) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}
