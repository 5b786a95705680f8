"""Writes the drawn part of protocol.md from the table that the engine runs on: `make docs`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from rtmd.engine.protocol import TRANSITIONS, Event
from rtmd.model.firing import StageState

PAGE = Path(__file__).with_name("protocol.md")
BEGIN, END = "<!-- drawn by `make docs` -->\n", "<!-- end -->\n"


def page(text: str) -> str:
    """The page with what lies between its two marks drawn anew."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return "\n".join([before + BEGIN, diagram(), meanings(), table(), END + after])


def diagram() -> str:
    """States and the events that lead from one to another; what leads nowhere is left to the table."""
    arrows: dict[tuple[StageState, StageState], list[str]] = {}
    for state, events in TRANSITIONS.items():
        for event, (after, _) in events.items():
            if after is not state:
                arrows.setdefault((state, after), []).append(event)
    lines = ["stateDiagram-v2", f"[*] --> {StageState.INACTIVE}"]
    lines += [f"{state} --> {after}: {', '.join(events)}" for (state, after), events in arrows.items()]
    return "\n".join(["```mermaid", *lines, "```", ""])


def meanings() -> str:
    """What each event stands for, in the words of the table's own module."""
    words = re.findall(r'= "(\w+)"  # (.+)', inspect.getsource(Event))
    rows = [f"| `{event}` | {dict(words).get(event, '')} |" for event in Event]
    return "\n".join(["| event | what the stage saw |", "|---|---|", *rows, ""])


def table() -> str:
    """The whole product of states and events: where each pair leads and why; a dash is what cannot happen."""
    rows = [f"| | {' | '.join(StageState)} |", "|---" * (len(StageState) + 1) + "|"]
    for event in Event:
        cells = []
        for state in StageState:
            after, reason = TRANSITIONS[state].get(event, ("", ""))
            cells.append(f"**{after}**: {reason}" if after else "–")
        rows.append(f"| `{event}` | {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
