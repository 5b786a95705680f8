"""Slack's incoming webhooks: blocks in an attachment, which gives them the colour of the severity.

Limits: 150 characters in a header, 3,000 in a text, 2,000 in a field and 10 fields a section, 50 blocks. Texts are
`verbatim`, so that Slack makes neither links nor mentions out of words.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rtmd.model.reaction import Notification
from rtmd.receivers.fit import clip, colour
from rtmd.receivers.said import Part, Said

_HEADER = 150
_TEXT = 3_000
_FIELD = 2_000
_FIELDS = 10
_BLOCKS = 50


def slack(message: Notification, said: Said) -> bytes:
    """The body to post; `said` in mrkdwn."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": clip(said.title, _HEADER), "emoji": False}},
        *map(_section, said.notes),
    ]
    if said.text is not None:
        blocks += [_section(said.text)] if said.text.strip() else []
    else:
        for part in said.parts:
            blocks += _part(part, said)
    attachment = {"color": f"#{colour(message):06x}", "fallback": clip(said.title, _FIELD), "blocks": blocks[:_BLOCKS]}
    return msgspec.json.encode({"text": clip(said.title, _FIELD), "attachments": [attachment]})


def _part(part: Part, said: Said) -> list[dict[str, Any]]:
    blocks = [_section(part.lead)] if part.lead else []
    fields = [_text(f"*{name}*\n{value}", _FIELD) for name, value in part.facts[:_FIELDS]]
    if fields:
        blocks.append({"type": "section", "fields": fields})
    for quote in part.quotes:
        by = f"<{quote.url}|{quote.by or quote.url}>" if quote.url else quote.by
        blocks.append(_section("\n".join(filter(None, (quote.text, by)))))
    around = [f"<{url}|{name}>" for name, url in part.links]
    if part.command:
        around.append(f"{said.take}{said.colon}`{part.command}`")
    if around:
        blocks.append({"type": "context", "elements": [_text(element, _FIELD) for element in around[:_FIELDS]]})
    return blocks


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text, _TEXT)}


def _text(text: str, limit: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}
