"""The audit trail as the API reads it: in a thread, beside everything else."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from rtmd.store.audit import read_audit, verify_audit
from rtmd.wire.audit import AuditView, VerifiedView


class AuditTrail:
    """Implements `AuditDesk`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one_at_a_time = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<AuditTrail {self._path}>"

    async def lines(self, *, since: int, by: str, what: str, limit: int) -> list[AuditView]:
        """The latest lines that fit, oldest first."""
        read = partial(read_audit, self._path, since=since, by=by, what=what, limit=limit)
        async with self._one_at_a_time:
            found = await asyncio.to_thread(read)
        return [AuditView(row.seq, row.at, row.by, row.verb, row.object, row.detail, row.origin) for row in found]

    async def verify(self) -> VerifiedView:
        """Whether all of it is as it was written."""
        async with self._one_at_a_time:
            found = await asyncio.to_thread(verify_audit, self._path)
        return VerifiedView(found.lines, found.hash, found.problem)
