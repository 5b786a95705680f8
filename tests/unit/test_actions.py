"""Actions: arguments filled from labels that come from outside, one run, and nothing of it that stays."""

from __future__ import annotations

import json

import pytest

from rtmd.config import CommandAction
from rtmd.errors import DeliveryError, PermanentError, RetryableError
from rtmd.model.labels import Labels
from rtmd.model.reaction import ActionRun, RunState
from rtmd.model.rule import StageName
from rtmd.receivers.actions import CommandActions, fill


def a_run(labels: Labels = (("brand", "acme; rm -rf /"),)) -> ActionRun:
    return ActionRun("r1", "hold", "f1", "mentions", labels, StageName.SECONDS, RunState.STARTED, 5)


def actions(*argv: str, undo: tuple[str, ...] = (), timeout: int = 10_000) -> CommandActions:
    return CommandActions({"hold": CommandAction("hold", argv, undo, timeout)})


async def test_a_label_is_one_argument_whatever_it_holds() -> None:
    said = await actions("/bin/echo", "hold", "{brand}", "--for={rule}/{stage}/{firing}").run(a_run(), undo=False)
    assert said == "hold acme; rm -rf / --for=mentions/seconds/f1\n"


async def test_the_program_reads_what_it_is_run_for() -> None:
    body = json.loads(await actions("/bin/cat").run(a_run(), undo=False))
    assert body == {
        "version": "1",
        "run": "r1",
        "action": "hold",
        "undo": False,
        "rule": "mentions",
        "stage": "seconds",
        "firing": "f1",
        "labels": {"brand": "acme; rm -rf /"},
    }


async def test_undo_runs_the_reversal() -> None:
    both = actions("/bin/false", undo=("/bin/echo", "release {brand}"))
    assert await both.run(a_run(), undo=True) == "release acme; rm -rf /\n"
    with pytest.raises(PermanentError, match="hold cannot be undone"):
        await actions("/bin/true").run(a_run(), undo=True)


@pytest.mark.parametrize("value", ["-rf", "--", "a\0b"])
def test_a_value_that_could_be_an_option_or_holds_a_nul_is_refused(value: str) -> None:
    with pytest.raises(PermanentError, match="the value of brand may not be an argument"):
        fill(("prog", "{brand}"), a_run((("brand", value),)))


def test_a_label_that_is_not_there_is_refused() -> None:
    with pytest.raises(PermanentError, match="no label site"):
        fill(("prog", "{site}"), a_run())


def test_values_are_filled_in_once_and_only_after_the_program() -> None:
    run = a_run((("brand", "{rule}"),))
    assert fill(("{brand}", "{brand}", '{"a": 1}'), run) == ("{brand}", "{rule}", '{"a": 1}')


async def test_a_failing_action_says_why() -> None:
    with pytest.raises(DeliveryError, match="exit 3: queue is locked"):
        await actions("/bin/sh", "-c", "echo queue is locked; exit 3").run(a_run(), undo=False)


async def test_an_action_that_is_not_done_in_time_is_killed() -> None:
    with pytest.raises(RetryableError, match="killed"):
        await actions("/bin/sh", "-c", "sleep 600 & wait", timeout=100).run(a_run(), undo=False)


async def test_what_an_action_leaves_running_does_not_make_it_late() -> None:
    said = await actions("/bin/sh", "-c", "sleep 5 & echo started", timeout=500).run(a_run(), undo=False)
    assert said == "started\n"


async def test_what_an_action_says_is_cut_at_one_kib() -> None:
    said = await actions("/bin/sh", "-c", "yes | head -c 300000; printf end >&2").run(a_run(), undo=False)
    assert len(said) == 1024


async def test_an_action_that_is_no_longer_configured_is_refused() -> None:
    runner = actions("/bin/true")
    runner.replace({})
    with pytest.raises(PermanentError, match="no action hold"):
        await runner.run(a_run(), undo=False)
