"""When the screen itself breaks: the traceback goes to a file, without local values, and one line to stderr.

Locals would hold label values and whatever else was on the screen; messages of exceptions may too, so control
characters in them are made visible.
"""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from rtmd.model.display import safe


def folder() -> Path:
    """Where reports are put."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "rtmd"


def report(error: BaseException) -> str:
    """Write the report; the one line to tell: what broke, and where the report is."""
    text = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {safe(str(error), 200)}"
    try:
        place = folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place / time.strftime(f"tui-crash-%Y%m%dT%H%M%SZ-{os.getpid()}.txt", time.gmtime())
        path.write_text("\n".join(safe(line, 2000) for line in text.splitlines()) + "\n", encoding="utf-8")
        path.chmod(0o600)
    except OSError as problem:
        return f"rtmd tui: {what} (no report could be written: {safe(str(problem), 200)})"
    return f"rtmd tui: {what} (report in {path})"
