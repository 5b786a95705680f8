"""What can be taken out of the screen: a line to read, a link, a value, and the commands that do what keys do here.

Texts pass the gate as everything that is shown does: nothing in them acts on where they are put. A text that has to be
exact (a link, a command) is not offered where the gate would change it; a silence is then told by its firing's id.
Words of commands are quoted for the shell, whatever labels hold.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from rtmd.model.display import age
from rtmd.wire import FiringView
from rtmd.wire.rules import RuleView
from rtmd.wire.scope import firing_matchers
from rtmd.wire.silences import SilenceView
from tui import owned
from tui.actions import Item
from tui.silencing import DEFAULT, PRESETS
from tui.view.glyphs import Glyphs
from tui.view.length import length
from tui.view.line import figure, lit, plain
from tui.view.moment import Moment
from tui.view.row import ladder, severity, state, threshold, where

LONGEST = 20_000  # characters


class Choice(Struct, frozen=True):
    """A key of the menu, what it takes, and the text."""

    key: str
    word: str
    text: str


class Copying(Struct, frozen=True):
    """The open menu."""

    what: str
    choices: tuple[Choice, ...]

    def chosen(self, key: str) -> Choice | None:
        """What a key takes."""
        return next((choice for choice in self.choices if choice.key == key), None)


def shown(key: str, word: str, text: str) -> tuple[Choice, ...]:
    """A text to read."""
    clean = lit(text, LONGEST).strip()
    return (Choice(key, word, clean),) if clean else ()


def exact(key: str, word: str, text: str) -> tuple[Choice, ...]:
    """A text that says something else if a character of it is another."""
    return (Choice(key, word, text),) if text and lit(text, LONGEST) == text else ()


def command(*words: str) -> str:
    """A command line of rtmd."""
    return shlex.join(("rtmd", *words))


def of_firing(firing: FiringView, moment: Moment, glyphs: Glyphs) -> Copying:
    """What there is to take of a firing."""
    value = "" if firing.value is None else f"{firing.value:.12g}"
    name, runbook = _reading(firing)
    choices = (
        *shown("y", "line", sentence(firing, moment, glyphs)),
        *exact("i", "link", command("tui", "--open", f"firing/{firing.id}")),
        *exact("v", "value", value),
        *exact("c", "ack command", command("ack", firing.id)),
        *silence_command(firing),
        *shown("r", name, runbook),
    )
    return Copying(f"{lit(firing.rule, 60)} {where(firing.labels, glyphs)}", choices)


def silence_command(firing: FiringView) -> tuple[Choice, ...]:
    """The command that silences as `s` and the enter key do: by matchers, which outlive the firing."""
    lasts = length(PRESETS.get(firing.stage, PRESETS["minutes"])[DEFAULT])
    matchers = map(str, firing_matchers(firing))
    word = "silence command"
    by_matchers = exact("s", word, adding(matchers, lasts))
    return by_matchers or exact("s", word, command("silence", "add", "--firing", firing.id, "--for", lasts))


def of_silence(silence: SilenceView, line: str) -> tuple[Choice, ...]:
    """What there is to take of a silence."""
    lasts = length(max(1, (silence.ends_at - silence.starts_at) // 1000) * 1000)
    return (
        *shown("y", "line", line),
        *exact("i", "id", silence.id),
        *exact("c", "expire command", command("silence", "expire", silence.id)),
        *exact("s", "silence command", adding(silence.matchers, lasts)),
    )


def of_item(item: Item, line: str) -> tuple[Choice, ...]:
    """What there is to take of an action: beside its line and firing, the command for what it waits for."""
    proposal, run = item.proposal, item.run
    decides: tuple[Choice, ...] = ()
    if proposal is not None and item.waits:
        decides = exact("c", "approve command", command("approve", proposal.id, "--version", str(proposal.version)))
    elif run is not None and item.troubled:
        decides = exact("c", "rerun command", command("rerun", run.id))
    link = exact("i", "link", command("tui", "--open", f"firing/{item.firing.id}"))
    return (*shown("y", "line", line), *link, *decides)


def of_rule(rule: RuleView, line: str) -> tuple[Choice, ...]:
    """What there is to take of a rule."""
    place = f"{rule.file}:{rule.line}"
    return (*shown("y", "line", line), *exact("i", "name", rule.name), *exact("p", "place", place))


def adding(matchers: Iterable[str], lasts: str) -> str:
    """The command that makes a silence; a matcher is never taken for an option."""
    return command("silence", "add", "--for", lasts, "--", *matchers)


def sentence(firing: FiringView, moment: Moment, glyphs: Glyphs) -> str:
    """A row of the list as text, uncut."""
    ended = firing.resolved_at if firing.resolved_at is not None else moment.at
    parts = (
        severity(firing.severity, glyphs, wide=True),
        ladder(firing, glyphs),
        lit(firing.rule, 200),
        where(firing.labels, glyphs),
        f"{figure(firing.value)} {threshold(firing.threshold)}",
        f"for {age(ended - firing.fired_at)}",
        plain(state(firing, moment, glyphs, wide=True)),
    )
    return "  ".join(" ".join(part.split()) for part in parts if part.strip())


def keep(text: str) -> str:
    """Put a text where a terminal that takes none can be helped; the file, or empty where there is no place for it."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    if not folder:
        return ""
    place = Path(folder) / "rtmd-clip"
    try:
        owned.put(place, text + "\n")
    except OSError:
        return ""
    return str(place)


def _reading(firing: FiringView) -> tuple[str, str]:
    """The runbook, else the first of its links."""
    name = "runbook" if "runbook" in firing.links else min(firing.links, default="")
    return lit(name, 20), firing.links.get(name, "")
