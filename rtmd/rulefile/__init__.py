"""Rule files: text in, checked `Rule` values or located problems out.

`load` turns contents into rules, `check` is the whole of `rtmd check`, `explain` says what a rule will do, `lint`
what is suspicious about it, `files` reads folders (the only I/O in this room).
"""

from rtmd.rulefile.load import Loaded, load_rules

__all__ = ["Loaded", "load_rules"]
