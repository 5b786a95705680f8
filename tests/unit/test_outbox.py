"""The outbox: at least once, in order, one destination never in the way of another, on virtual time."""

from __future__ import annotations

import asyncio
import random

import pytest
from fakes_outbox import START, Desk, Sink, about, later, note, settle

from rtmd.errors import PermanentError
from rtmd.model.inputs import DeliveryDone
from rtmd.model.reaction import Notification
from rtmd.runtime.outbox import GIVE_UP_AFTER, IN_FLIGHT, LONGEST_BACKOFF, PROBE_EVERY, Outbox, _Lane


async def test_what_was_taken_is_confirmed_and_reported() -> None:
    desk = Desk([sink := Sink()])
    desk.offer(note("a"))
    await settle()
    assert sink.taken == ["a"]
    assert desk.store.rows == {}
    assert desk.results == [DeliveryDone("a", "desk", ("f1",))]
    assert len(desk.outbox) == 0


async def test_a_message_about_several_firings_waits_for_what_was_said_of_each() -> None:
    desk = Desk([sink := Sink(errors=[later(), later()])])
    desk.offer(note("a1"), note("b1", firing="f2"), about(["f1", "f2"], "both"), note("a2"), note("c", firing="f3"))
    await settle()
    assert sink.asked == ["a1", "b1", "c"]
    await desk.time.advance(60_000)
    assert sink.taken[-2:] == ["both", "a2"]


async def test_messages_about_one_firing_keep_their_order_through_retries() -> None:
    desk = Desk([sink := Sink(errors=[later(), later()])])
    desk.offer(note("a1"), note("a2"), note("b1", firing="f2"))
    await settle()
    assert sink.asked == ["a1", "b1"]
    await desk.time.advance(60_000)
    assert sink.taken.index("a1") < sink.taken.index("a2")
    assert sorted(sink.taken) == ["a1", "a2", "b1"]


async def test_a_dead_destination_delays_no_other() -> None:
    desk = Desk([Sink("dead", gate=asyncio.Event()), alive := Sink("alive")])
    desk.offer(*(note(f"d{n}", "dead", f"f{n}") for n in range(50)), note("x", "alive"))
    await settle()
    assert alive.taken == ["x"]


async def test_at_most_sixteen_are_in_flight_per_destination() -> None:
    desk = Desk([sink := Sink(gate=asyncio.Event())])
    desk.offer(*(note(f"k{n}", firing=f"f{n}") for n in range(50)))
    await settle()
    assert sink.busy == IN_FLIGHT
    assert sink.gate is not None
    sink.gate.set()
    await settle()
    assert (sink.most, len(sink.taken)) == (IN_FLIGHT, 50)


async def test_waiting_for_the_next_attempt_takes_no_place_in_flight() -> None:
    desk = Desk([sink := Sink(errors=[later(60_000) for _ in range(IN_FLIGHT)])])
    desk.offer(*(note(f"k{n:02}", firing=f"f{n}") for n in range(IN_FLIGHT + 1)))
    await settle()
    assert sink.taken == [f"k{IN_FLIGHT}"]


async def test_a_crash_between_send_and_confirm_delivers_again_under_the_same_key() -> None:
    desk = Desk([sink := Sink()])
    desk.store.full = True
    desk.offer(note("a"))
    await settle()
    assert sink.taken == ["a"]
    await desk.outbox.stop(0)
    desk.store.full = False
    desk.boot()
    desk.outbox.start()
    await settle()
    assert sink.taken == ["a", "a"]
    assert desk.store.rows == {}


async def test_a_full_disk_stops_no_delivery_and_is_written_to_when_it_has_room_again() -> None:
    desk = Desk([sink := Sink()])
    desk.offer(note("a"), note("b"))
    desk.store.full = True
    await settle()
    assert sink.taken == ["a", "b"]
    desk.store.full = False
    await desk.time.advance(10_000)
    assert desk.store.rows == {}
    assert sink.taken == ["a", "b"]


async def test_attempts_and_the_next_time_survive_a_restart() -> None:
    desk = Desk([sink := Sink(errors=[later(), later(), later()])])
    desk.offer(note("a"))
    await desk.time.advance(3_500)
    row = desk.store.rows["a"]
    assert (row.attempts, row.due) == (3, START + 1_000 + 2_000 + 4_000)
    await desk.outbox.stop(0)
    desk.boot()
    desk.outbox.start()
    await desk.time.advance(3_000)
    assert len(sink.asked) == 3
    await desk.time.advance(1_000)
    assert sink.taken == ["a"]


async def test_the_wait_doubles_and_is_half_a_minute_at_most_while_the_circuit_is_open() -> None:
    desk = Desk([Sink(errors=[later() for _ in range(8)])])
    desk.offer(note("a"))
    await desk.time.advance(3 * 3_600_000)
    assert desk.time.waits == [1, 2, 4, 8, 16, 30, 30, 30]


async def test_what_fails_among_others_that_do_not_waits_up_to_five_minutes() -> None:
    desk = Desk([Sink()])
    waits = [desk.outbox._backoff(_Lane(), attempts, later()) for attempts in range(1, 12)]
    assert waits == [1_000 << n for n in range(9)] + [LONGEST_BACKOFF] * 2


async def test_the_jitter_is_spread_over_the_whole_wait_and_never_beyond_it() -> None:
    desk = Desk([Sink()])
    box = Outbox(desk.store, {}, desk.time, on_result=desk.results.append, rng=random.Random(7))  # noqa: S311  # seeded
    waits = [box._backoff(_Lane(), 20, later()) for _ in range(500)]
    assert 0 <= min(waits) < 0.05 * LONGEST_BACKOFF
    assert 0.95 * LONGEST_BACKOFF < max(waits) <= LONGEST_BACKOFF


@pytest.mark.parametrize(("asked", "wait"), [(0, 1), (30_000, 30), (3_600_000, 900)])
async def test_what_the_receiver_asks_for_is_honoured_up_to_fifteen_minutes(asked: int, wait: int) -> None:
    desk = Desk([Sink(errors=[later(asked)])])
    desk.offer(note("a"))
    await settle()
    assert desk.time.waits == [wait]


async def test_what_will_never_be_taken_is_buried_and_reported_and_the_next_one_goes_on() -> None:
    desk = Desk([sink := Sink(errors=[PermanentError("answered 410")])])
    desk.offer(note("a"), note("b"))
    await settle()
    assert desk.store.dead == {"a": "answered 410"}
    assert [(done.key, done.error) for done in desk.results] == [("a", "answered 410"), ("b", "")]
    assert sink.taken == ["b"]


async def test_after_a_day_of_trying_it_is_given_up() -> None:
    desk = Desk([Sink(errors=[later() for _ in range(5_000)])])
    desk.offer(note("a"))
    await desk.time.advance(GIVE_UP_AFTER - 1)
    assert desk.store.dead == {}
    await desk.time.advance(PROBE_EVERY)
    assert desk.store.dead["a"].startswith("given up after 28")
    assert desk.results[0].error == desk.store.dead["a"]


async def test_a_day_in_which_nobody_tried_is_no_reason_to_give_up() -> None:
    desk = Desk([sink := Sink(errors=[later()])])
    desk.store.add(note("a", at=START - 3 * GIVE_UP_AFTER))
    desk.outbox.start()
    await desk.time.advance(2_000)
    assert sink.taken == ["a"]


async def test_a_receiver_that_is_no_longer_configured_makes_dead_letters() -> None:
    desk = Desk([Sink()])
    desk.offer(note("a", "gone"))
    await settle()
    assert desk.store.dead == {"a": "no receiver gone is configured any more"}


async def test_a_receiver_that_was_replaced_gets_the_next_attempt() -> None:
    desk = Desk([old := Sink(errors=[later()])])
    desk.offer(note("a"))
    await settle()
    assert desk.outbox.troubles == {"desk": "answered 503"}
    desk.outbox.replace({"desk": (new := Sink())})
    await desk.time.advance(1_000)
    assert (old.taken, new.taken) == ([], ["a"])
    assert desk.outbox.troubles == {}


async def test_a_receiver_that_is_gone_is_in_no_trouble() -> None:
    desk = Desk([Sink(errors=[later()])])
    desk.offer(note("a"))
    await settle()
    desk.outbox.replace({})
    await desk.time.advance(1_000)
    assert (desk.store.dead, desk.outbox.troubles) == ({"a": "no receiver desk is configured any more"}, {})


async def test_a_mistake_in_a_receiver_does_not_end_its_lane(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Sink):
        async def send(self, notification: Notification) -> None:
            if not self.asked:
                self.asked.append(notification.key)
                raise KeyError(notification.key)
            await super().send(notification)

    desk = Desk([sink := Broken()])
    desk.offer(note("a"))
    await desk.time.advance(1_000)
    assert sink.taken == ["a"]
    assert "receiver desk failed on a" in caplog.text


async def test_a_key_is_delivered_once_however_often_it_is_offered() -> None:
    desk = Desk([sink := Sink()])
    desk.offer(note("a"))
    desk.outbox.start()
    desk.offer(note("a"))
    await settle()
    assert sink.taken == ["a"]


async def test_stopping_lets_what_is_in_flight_finish_and_keeps_the_rest() -> None:
    desk = Desk([sink := Sink(gate=asyncio.Event())])
    desk.offer(note("a1"), note("a2"), note("b", firing="f2"))
    await settle()
    stopping = asyncio.create_task(desk.outbox.stop(30))
    await settle()
    assert sink.gate is not None
    sink.gate.set()
    await stopping
    assert sorted(sink.taken) == ["a1", "b"]
    assert list(desk.store.rows) == ["a2"]
    desk.offer(note("late", firing="f3"))
    await settle()
    assert "late" not in sink.asked


async def test_stopping_waits_no_longer_than_its_grace() -> None:
    desk = Desk([sink := Sink(gate=asyncio.Event())])
    desk.offer(note("a"))
    await settle()
    await desk.outbox.stop(0.01)
    assert sink.busy == 0
    assert list(desk.store.rows) == ["a"]
