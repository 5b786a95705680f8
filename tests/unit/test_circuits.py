"""Circuits and fallbacks of the outbox: who is tried, who waits, what is passed on, on virtual time."""

from __future__ import annotations

from fakes_outbox import Desk, Sink, later, note, settle

from rtmd.errors import PermanentError
from rtmd.runtime.breaker import FAILURES, SPAN, TRANSITIONS, Breaker, Circuit, Event
from rtmd.runtime.outbox import GIVE_UP_AFTER, PROBE_EVERY


async def failing(desk: Desk, *keys: str) -> None:
    """Offer messages about a firing each to receivers that fail, until their circuits are open."""
    desk.offer(*(note(key, firing=key) for key in keys))
    await desk.time.advance(SPAN + 8_000)


async def test_while_the_circuit_is_open_one_message_is_tried_and_the_others_wait_for_an_answer() -> None:
    desk = Desk([sink := Sink(errors=[later() for _ in range(40)])])
    await failing(desk, "a", "b", "c")
    (lane,) = desk.outbox.lanes()
    assert (lane.circuit, lane.waiting, lane.trouble) == (Circuit.OPEN, 3, "answered 503")
    desk.offer(note("d", firing="d"))
    sink.asked.clear()
    await desk.time.advance(3 * PROBE_EVERY)
    assert len(set(sink.asked)) == 1
    assert 3 <= len(sink.asked) <= 5
    sink.errors.clear()
    await desk.time.advance(PROBE_EVERY)
    assert sorted(sink.taken) == ["a", "b", "c", "d"]
    (lane,) = desk.outbox.lanes()
    assert (lane.circuit, lane.since, lane.waiting, lane.trouble) == (Circuit.CLOSED, None, 0, "")


async def test_a_refusal_is_an_answer_and_closes_the_circuit() -> None:
    desk = Desk([sink := Sink(errors=[later() for _ in range(10)])])
    await failing(desk, "a", "b")
    sink.errors[:] = [PermanentError("answered 400")]
    await desk.time.advance(PROBE_EVERY)
    assert len(desk.store.dead) == 1
    assert len(sink.taken) == 1


async def test_when_the_probe_is_given_up_the_next_message_becomes_it() -> None:
    desk = Desk([Sink(errors=[later() for _ in range(5_000)])])
    await failing(desk, "a", "b", "c")
    await desk.time.advance(GIVE_UP_AFTER + 5 * PROBE_EVERY)
    assert sorted(desk.store.dead) == ["a", "b", "c"]


async def test_what_a_fallback_should_know_is_reported_when_patience_ends_and_new_messages_at_once() -> None:
    desk = Desk([Sink(errors=[later() for _ in range(200)])], patience={"desk": 60_000})
    await failing(desk, "a", "b")
    assert desk.undelivered == []
    await desk.time.advance(60_000)
    assert sorted(each.notification.key for each in desk.undelivered) == ["a", "b"]
    assert desk.undelivered[0].error == "answered 503"
    desk.offer(note("c", firing="c"))
    await settle()
    assert [each.notification.key for each in desk.undelivered[2:]] == ["c"]
    assert not desk.outbox.stuck(1)
    await desk.time.advance(600_000)
    assert len(desk.undelivered) == 3


async def test_a_dead_letter_is_reported_to_the_fallback_and_again_after_a_restart() -> None:
    desk = Desk([Sink(errors=[PermanentError("answered 410")])], patience={"desk": 60_000})
    desk.offer(note("a"))
    await settle()
    assert [each.error for each in desk.undelivered] == ["answered 410"]
    desk.boot()
    desk.outbox.start()
    assert [each.error for each in desk.undelivered] == ["answered 410", "answered 410"]  # the ledger knows better
    await desk.time.advance(3_600_000)
    desk.boot()
    desk.outbox.start()
    assert len(desk.undelivered) == 2


async def test_without_a_fallback_nothing_is_reported_and_what_waits_long_is_stuck() -> None:
    desk = Desk([Sink(errors=[later() for _ in range(200)])])
    desk.offer(note("a"))
    await desk.time.advance(300_000)
    assert desk.undelivered == []
    assert desk.outbox.stuck(299_000)
    assert not desk.outbox.stuck(301_000)


async def test_trying_a_receiver_out_stores_nothing_and_tells_the_error() -> None:
    desk = Desk([sink := Sink(errors=[later()])])
    assert str(await desk.outbox.try_out(note("t"))) == "answered 503"
    assert await desk.outbox.try_out(note("t")) is None
    assert (sink.taken, desk.store.rows, desk.results) == (["t"], {}, [])


async def test_a_new_configuration_is_tried_at_once() -> None:
    desk = Desk([Sink(errors=[later() for _ in range(40)])])
    await failing(desk, "a", "b", "c")
    desk.outbox.replace({"desk": (new := Sink())})
    await desk.time.advance(PROBE_EVERY)
    assert sorted(new.taken) == ["a", "b", "c"]


def test_a_circuit_does_what_its_table_says_and_nothing_else() -> None:
    for circuit in Circuit:
        for event in Event:
            breaker = Breaker()
            breaker.circuit = circuit
            breaker._on(event)
            assert breaker.circuit is TRANSITIONS[circuit].get(event, circuit)


def test_a_circuit_opens_after_failures_in_a_row_over_a_while_and_half_opens_for_its_probe() -> None:
    breaker = Breaker()
    for n in range(FAILURES - 1):
        breaker.failed("a", n)
    breaker.failed("b", SPAN - 1)
    assert breaker.lets("x")
    breaker.failed("b", SPAN)
    assert (breaker.circuit, breaker.probe) == (Circuit.OPEN, "b")
    assert not breaker.lets("x")
    assert breaker.lets("b")
    assert breaker.circuit is Circuit.HALF_OPEN
    breaker.failed("b", SPAN + 1)
    assert breaker.circuit is Circuit.OPEN
    breaker.left("b")
    assert breaker.lets("x")
    breaker.answered()
    assert (breaker.circuit, breaker.failures, breaker.probe) == (Circuit.CLOSED, 0, "")
