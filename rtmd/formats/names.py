"""Names of other systems → names that a PromQL expression can be written on.

Influx, StatsD and Graphite allow dots, dashes and blanks in names; PromQL does so only in quotes. As statsd_exporter
and Telegraf's Prometheus output do it: every character that is not allowed becomes `_`, and a name that begins with a
digit gets a `_` in front. Values of labels are never touched. Two names may become one: that is their sender's doing,
and the formats say what happens then.
"""

from __future__ import annotations

import re

_NOT_IN_METRIC = re.compile(r"[^a-zA-Z0-9_:]")
_NOT_IN_LABEL = re.compile(r"[^a-zA-Z0-9_]")


def metric_name(text: str) -> str:
    """`app.requests-5xx` → `app_requests_5xx`; the empty name stays empty."""
    return text if _is_usual(text) else _begun(_NOT_IN_METRIC.sub("_", text))


def label_name(text: str) -> str:
    """The same for labels, which cannot have colons."""
    return text if _is_usual(text) else _begun(_NOT_IN_LABEL.sub("_", text))


def _is_usual(text: str) -> bool:
    # A Python identifier in ASCII is a good name; this is ten times faster than looking at each character.
    return text.isascii() and text.isidentifier()


def _begun(name: str) -> str:
    return f"_{name}" if name[:1].isdigit() else name
