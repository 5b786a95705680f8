"""A message as one text of markdown, for the chats that take one: Discord and Mattermost."""

from __future__ import annotations

from rtmd.receivers.said import Part, Said


def description(said: Said) -> str:
    """The notes, then the operator's own text or every part; `said` in markdown."""
    texts = [_text(part, said) for part in said.parts] if said.text is None else [said.text]
    return "\n\n".join([*said.notes, *texts])


def _text(part: Part, said: Said) -> str:
    lines = [part.lead]
    for quote in part.quotes:
        by = f"[{quote.by or 'link'}]({quote.url})" if quote.url else quote.by
        lines.append("\n".join(filter(None, (quote.text, by))))
    links = " · ".join(f"[{name}]({url})" for name, url in part.links)
    command = f"{said.take}{said.colon}`{part.command}`" if part.command else ""
    return "\n\n".join(filter(None, (*lines, links, command)))
