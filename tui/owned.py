"""Small files for their owner only: replaced whole or not at all, whatever stood there."""

from __future__ import annotations

import os
from pathlib import Path


def put(place: Path, text: str) -> None:
    """Write it, of mode 0600. Raises OSError."""
    draft = place.with_name(f".{place.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(place)
