"""Mattermost's incoming webhooks: an attachment in markdown. Limit: 16,383 characters a post, all of it together."""

from __future__ import annotations

from typing import Any

import msgspec

from rtmd.model.reaction import Notification
from rtmd.receivers.fit import clip, colour
from rtmd.receivers.markdown import description
from rtmd.receivers.said import Said

_TITLE = 500
_TEXT = 8_000
_VALUE = 1_000
_FIELDS = 7  # of each part; so that everything together stays below the limit


def mattermost(message: Notification, said: Said) -> bytes:
    """The body to post; `said` in markdown."""
    title = clip(said.title, _TITLE)
    parts = said.parts if said.text is None else ()
    attachment: dict[str, Any] = {
        "fallback": title,
        "color": f"#{colour(message):06x}",
        "title": title,
        "text": clip(description(said), _TEXT),
        "fields": [
            {"title": name, "value": clip(value, _VALUE), "short": len(value) <= 40}
            for part in parts[:1]
            for name, value in part.facts[:_FIELDS]
        ],
    }
    return msgspec.json.encode({"attachments": [attachment]})
