"""What people see of receivers and the outbox, and bringing dead letters back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fakes import StillClock
from fakes_config import load
from fakes_outbox import Sink, note

from rtmd.model.effects import Notify
from rtmd.runtime.deliveries import Deliveries
from rtmd.runtime.outbox import Outbox
from rtmd.store.state import StateStore
from rtmd.wire.deliveries import RetryRequest

MANY = 1_007  # more than a list shows


async def test_dead_letters_are_counted_and_brought_back_all_of_them_however_many(tmp_path: Path) -> None:
    store, clock = StateStore(tmp_path / "state.db"), StillClock()
    config = load("[receivers.desk]\nkind = 'webhook'\nurl = 'http://127.0.0.1:1/'")
    outbox = Outbox(store, {"desk": Sink()}, clock, on_result=lambda _: None)
    deliveries = Deliveries(outbox, store, clock, config, failures={})
    try:
        letters = [note(f"k{number}") for number in range(MANY)]
        await store.commit([Notify(letter) for letter in letters])
        await asyncio.gather(*(store.bury(letter.key, error="410 gone") for letter in letters))
        assert [(each.name, each.dead_letters) for each in deliveries.receivers()] == [("desk", MANY)]
        keys = await deliveries.retry(RetryRequest(all=True), "ana", "unix uid 1000")
        assert (len(keys), keys[0], store.dead_letter_counts()) == (MANY, "k0", {})
        assert len(outbox) == MANY
    finally:
        await outbox.stop(0)
        store.close()
