"""Rules as people see them: those in force and those switched off, where they are written, what a reload did."""

from __future__ import annotations

import msgspec


class RuleView(msgspec.Struct, frozen=True):
    """A rule of the files, or a built-in one; where it is not `enabled` it is not in force, and all figures are 0."""

    name: str
    file: str
    line: int
    kind: str
    stages: list[str]
    firing: int = 0
    pending: int = 0
    instances: int = 0
    refused: int = 0  # instances that the limit turns away now
    failures: int = 0  # evaluations with problems since the start
    problems: list[str] = []  # those of the latest ones
    enabled: bool = True
    shadow: bool = False
    rejudging: int = 0  # firings of a signal that changed; what it makes of them is not known yet
    unfed: int = 0  # firings that nothing feeds any more
    joins: list[str] = []  # a correlation: the rules that have to fire together; it has no stages of its own
    unfed_since: int | None = None  # engine time: nothing has fed any of its instances since, for longer than it may be


class RuleFileView(msgspec.Struct, frozen=True):
    """`GET /api/rtmd/v1/rules/file?name=`: a rule file of the daemon's, so that whoever is on its machine can open it.

    Device and inode say whether a file of that path is this one.
    """

    path: str
    device: int
    inode: int


class ReloadView(msgspec.Struct, frozen=True):
    """`GET /api/rtmd/v1/rules/reload`: what the latest reload did, and what waits for a confirmation.

    Rules by name, each in one list only; `changed` and `rejudging` (those that fire and look at something else now)
    say what changed. `held_back` has firing rules that the files on disk would remove: too many at once.
    """

    wall: int = 0  # when; 0: not since the start
    kept: int = 0
    added: list[str] = []
    changed: dict[str, str] = {}
    rejudging: dict[str, str] = {}
    removed: list[str] = []
    removed_firing: list[str] = []
    summary: str = ""
    held_back: list[str] = []
