"""Actions: arguments filled from labels that come from outside, one run, and nothing of it that stays."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest
from fakes import StillClock
from fakes_receivers import new

from rtmd.alerting.arguments import fill
from rtmd.config import CommandAction, WebhookAction
from rtmd.errors import DeliveryError, PermanentError, RetryableError, UnreachedError
from rtmd.model.labels import Labels
from rtmd.model.reaction import ActionRun, RunState
from rtmd.model.rule import StageName
from rtmd.receivers.actions import Actions
from rtmd.receivers.make import Kit


def a_run(labels: Labels = (("brand", "acme; rm -rf /"),)) -> ActionRun:
    return ActionRun("r1", "hold", "f1", "mentions", labels, StageName.SECONDS, RunState.STARTED, 5)


class Host:
    """A host that takes posts; says how each of them went, and keeps them."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.posts: list[httpx.Request] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.posts.append(request)
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, stream=httpx.ByteStream(b""))


def webhook(host: Host, **more: Any) -> Actions:
    """The action `hold` as a webhook of this host; nobody waits for anything."""

    async def pause(_: float) -> None:
        pass

    config = WebhookAction("hold", "https://tools.example/s3cret/hold", **more)
    return Actions({"hold": config}, Kit(httpx.MockTransport(host.answer), StillClock()), pause=pause)


def actions(*argv: str, undo: tuple[str, ...] = (), timeout: int = 10_000) -> Actions:
    return Actions(
        {"hold": CommandAction("hold", argv, undo, timeout=timeout)},
        Kit(httpx.MockTransport(Host().answer), StillClock()),
    )


async def test_a_label_is_one_argument_whatever_it_holds() -> None:
    said = await actions("/bin/echo", "hold", "{brand}", "--for={rule}/{stage}/{firing}").run(a_run(), None, undo=False)
    assert said == "hold acme; rm -rf / --for=mentions/seconds/f1\n"


async def test_the_program_reads_what_it_is_run_for() -> None:
    body = json.loads(await actions("/bin/cat").run(a_run(), None, undo=False))
    assert body == {
        "version": "1",
        "run": "r1",
        "action": "hold",
        "undo": False,
        "rule": "mentions",
        "stage": "seconds",
        "firing": "f1",
        "labels": {"brand": "acme; rm -rf /"},
        "by": "",
        "about": None,
    }


async def test_undo_runs_the_reversal() -> None:
    both = actions("/bin/false", undo=("/bin/echo", "release {brand}"))
    assert await both.run(a_run(), None, undo=True) == "release acme; rm -rf /\n"
    with pytest.raises(PermanentError, match="hold cannot be undone"):
        await actions("/bin/true").run(a_run(), None, undo=True)


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
        await actions("/bin/sh", "-c", "echo queue is locked; exit 3").run(a_run(), None, undo=False)


async def test_an_action_that_is_not_done_in_time_is_killed() -> None:
    with pytest.raises(RetryableError, match="killed"):
        await actions("/bin/sh", "-c", "sleep 600 & wait", timeout=100).run(a_run(), None, undo=False)


async def test_what_an_action_leaves_running_does_not_make_it_late() -> None:
    said = await actions("/bin/sh", "-c", "sleep 5 & echo started", timeout=500).run(a_run(), None, undo=False)
    assert said == "started\n"


async def test_what_an_action_says_is_cut_at_one_kib() -> None:
    said = await actions("/bin/sh", "-c", "yes | head -c 300000; printf end >&2").run(a_run(), None, undo=False)
    assert len(said) == 1024


async def test_an_action_that_is_no_longer_configured_is_refused() -> None:
    runner = actions("/bin/true")
    runner.replace({})
    with pytest.raises(PermanentError, match="no action hold"):
        await runner.run(a_run(), None, undo=False)


async def test_a_webhook_is_posted_the_firing_signed_and_under_the_key_of_the_run() -> None:
    host = Host()
    said = await webhook(host, secrets=("one",)).run(a_run(), new().alerts[0].firing, undo=False)
    (post,) = host.posts
    body = json.loads(post.content)
    assert (said, str(post.url)) == ("tools.example took it", "https://tools.example/s3cret/hold")
    assert (body["run"], body["undo"], body["about"]["title"]) == ("r1", False, new().alerts[0].firing.title)
    signed = f"{post.headers['X-Rtmd-Timestamp']}.r1.".encode() + post.content
    assert post.headers["X-Rtmd-Signature"] == "v1=" + hmac.new(b"one", signed, hashlib.sha256).hexdigest()
    assert post.headers["Idempotency-Key"] == "r1"


async def test_the_undo_of_a_webhook_is_another_address_and_another_key() -> None:
    host = Host()
    both = webhook(host, undo="https://tools.example/release")
    await both.run(a_run(), None, undo=True)
    assert [(str(post.url), post.headers["Idempotency-Key"]) for post in host.posts] == [
        ("https://tools.example/release", "r1:undo")
    ]
    with pytest.raises(PermanentError, match="cannot be undone"):
        await webhook(host).run(a_run(), None, undo=True)


@pytest.mark.parametrize("answer", [500, 503, httpx.ReadTimeout("late"), httpx.ReadError("cut")])
async def test_a_webhook_of_which_something_may_have_come_is_not_posted_again(answer: int | Exception) -> None:
    host = Host(answer)
    with pytest.raises(RetryableError, match=r"tools\.example") as failed:
        await webhook(host).run(a_run(), None, undo=False)
    assert not isinstance(failed.value, UnreachedError)
    assert len(host.posts) == 1


async def test_a_host_that_was_not_reached_or_did_not_look_is_tried_again_and_not_for_ever() -> None:
    host = Host(httpx.ConnectError("refused"), 429)
    await webhook(host).run(a_run(), None, undo=False)
    assert len(host.posts) == 3
    host = Host(*[httpx.ConnectError("refused")] * 9)
    with pytest.raises(UnreachedError):
        await webhook(host).run(a_run(), None, undo=False)
    assert len(host.posts) == 4


async def test_what_a_host_refuses_has_failed() -> None:
    with pytest.raises(PermanentError, match="answered 404"):
        await webhook(Host(404)).run(a_run(), None, undo=False)


def test_of_a_webhook_only_the_host_is_shown() -> None:
    shown = WebhookAction("hold", "https://u:p@tools.example/s3cret", "https://tools.example/undo").action
    assert (shown.what, shown.undo) == (("POST", "tools.example"), ("POST", "tools.example"))
