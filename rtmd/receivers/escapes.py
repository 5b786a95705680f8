"""Dialects of text: what makes a string from outside mean nothing but itself, where it is going to be shown.

All of them run after `display.safe`, so there are no control characters, line breaks or invisible signs left. A
mention is broken by a zero-width space behind its `@`: it looks the same and calls nobody.
"""

from __future__ import annotations

import re

_MENTION = re.compile(r"@(?=\w)")
_UNMENTIONED = "@\u200b"

# In CommonMark and its cousins. An underscore between letters is only an underscore.
_MARKDOWN = re.compile(r"[\\*`|~\[\]<>#]|(?<![^\W_])_|_(?![^\W_])|^(?:[-+]|(?<=^)\d+(?=[.)]))")

# Slack's own: entities for its three, and look-alikes for signs at the edge of a word, since nothing escapes those.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LOOK_ALIKES = {"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"}
_SLACK = re.compile(r"[&<>`]|(?<!\w)[*_~]|[*_~](?!\w)")


def plain(text: str) -> str:
    """Text that is shown as it is."""
    return text


def markdown(text: str) -> str:
    """For Discord, Teams and Mattermost: a backslash before whatever could act."""
    return _MENTION.sub(_UNMENTIONED, _MARKDOWN.sub(_with_backslash, text))


def _with_backslash(found: re.Match[str]) -> str:
    sign = found[0]
    return f"{sign}\\" if sign.isdecimal() else f"\\{sign}"


def mrkdwn(text: str) -> str:
    """For Slack."""
    return _MENTION.sub(_UNMENTIONED, _SLACK.sub(lambda found: _ENTITIES.get(found[0]) or _LOOK_ALIKES[found[0]], text))
