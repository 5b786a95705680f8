"""Reader processes: asked, stopped in the middle, killed, and too many questions."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rtmd.api.questions import Instant, Question, Stretch
from rtmd.runtime.readers import Readers

ONE = Instant("1", 5_000)
FOREVER = 100.0


@pytest.fixture
async def readers(tmp_path: Path) -> AsyncIterator[Readers]:
    readers = Readers(tmp_path, at_once=1, waiting=1)
    yield readers
    await readers.stop()


async def data(readers: Readers, question: Question = ONE) -> bytes:
    answer = await readers.answer(question, FOREVER)
    assert not answer.error, answer.error
    return b"".join(answer.data)


def pid(readers: Readers) -> int:
    """Of the one that is idle."""
    [process] = readers._idle
    return process.pid


async def test_a_reader_answers_and_stays_for_the_next_question(readers: Readers) -> None:
    assert await data(readers) == b'{"resultType":"scalar","result":[5,"1"]}'
    first = pid(readers)
    assert b"5.001" in await data(readers, Instant("time()", 5_001))
    assert pid(readers) == first


async def test_a_long_answer_comes_in_pieces_and_whole(readers: Readers) -> None:
    question = Stretch('label_replace(vector(time()), "x", "y" , "", "")', 0, 11_000_000, 1_000)
    answer = await readers.answer(question, FOREVER)
    assert len(answer.data) > 1
    assert b"".join(answer.data).endswith(b'[11000,"11000"]]}]}')


async def test_a_reader_that_has_grown_large_is_not_asked_again(tmp_path: Path) -> None:
    readers = Readers(tmp_path, large=0)
    assert await data(readers) == await data(readers)
    assert readers._idle == []
    await readers.stop()


async def test_a_question_that_takes_too_long_ends_its_reader_and_the_next_one_is_answered(readers: Readers) -> None:
    await data(readers)
    stopped = pid(readers)
    os.kill(stopped, signal.SIGSTOP)
    answer = await readers.answer(ONE, 0.05)
    assert (answer.error_type, answer.error) == ("timeout", "query timed out in expression evaluation")
    await data(readers)
    assert pid(readers) != stopped


async def test_a_reader_that_dies_costs_its_question_only(readers: Readers) -> None:
    await data(readers)
    os.kill(pid(readers), signal.SIGSTOP)
    dying = pid(readers)
    asked = asyncio.create_task(readers.answer(ONE, FOREVER))
    await asyncio.sleep(0)
    os.kill(dying, signal.SIGKILL)
    assert (await asked).error_type == "internal"
    await data(readers)


async def test_questions_wait_for_a_reader_and_too_many_are_refused(readers: Readers) -> None:
    await data(readers)
    stopped = pid(readers)
    os.kill(stopped, signal.SIGSTOP)
    asked = [asyncio.create_task(readers.answer(ONE, FOREVER)) for _ in range(2)]
    await asyncio.sleep(0)
    assert (await readers.answer(ONE, FOREVER)).error_type == "unavailable"
    os.kill(stopped, signal.SIGCONT)
    assert [answer.error_type for answer in await asyncio.gather(*asked)] == ["", ""]


async def test_waiting_counts_as_time_too(readers: Readers) -> None:
    await data(readers)
    stopped = pid(readers)
    os.kill(stopped, signal.SIGSTOP)
    busy = asyncio.create_task(readers.answer(ONE, FOREVER))
    await asyncio.sleep(0)
    assert (await readers.answer(ONE, 0.05)).error == "query timed out in query queue"
    os.kill(stopped, signal.SIGCONT)
    assert not (await busy).error
