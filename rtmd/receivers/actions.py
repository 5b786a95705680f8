"""Runs actions and their reversals: a program with arguments filled from labels, or a POST of the firing.

An action runs at most once. So nothing is tried again where something may have come of it: an answer that did not
come, a program that had to be killed. A webhook is tried again a few times only where its host could not be reached at
all, or said that it did not look at it (429).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from rtmd.alerting.arguments import fill
from rtmd.config import ActionConfig, CommandAction, WebhookAction
from rtmd.errors import PermanentError, UnreachedError
from rtmd.model.firing import Firing
from rtmd.model.reaction import ActionRun
from rtmd.receivers.body import action_body
from rtmd.receivers.make import Kit
from rtmd.receivers.post import Post
from rtmd.receivers.program import run_program
from rtmd.receivers.signature import signature_headers

_PAUSES = (1.0, 3.0, 9.0)  # seconds before a host that was not reached is tried again
_LONGEST_PAUSE = 30.0  # that a host may ask for


class Actions:
    """`ports.ActionRunner` for the configured actions, by name."""

    def __init__(
        self,
        actions: Mapping[str, ActionConfig],
        kit: Kit,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._actions = actions
        self._kit = kit
        self._pause = pause

    def __repr__(self) -> str:
        return f"<Actions {', '.join(sorted(self._actions)) or 'none'}>"

    def replace(self, actions: Mapping[str, ActionConfig]) -> None:
        """Use other actions from the next run on."""
        self._actions = actions

    async def run(self, run: ActionRun, firing: Firing | None, *, undo: bool) -> str:
        """Run the action of this run, or its reversal; returns what it said, at most 1 KiB.

        Raises PermanentError when it cannot be run, or says that it failed (a program by exiting with anything but 0).
        """
        action = self._actions.get(run.action)
        if action is None:
            raise PermanentError(f"no action {run.action} is configured any more")
        if undo and not action.undo:
            raise PermanentError(f"{run.action} cannot be undone")
        body = action_body(run, firing, undo=undo)
        if isinstance(action, CommandAction):
            return await _execute(action, action.undo if undo else action.argv, run, body)
        return await self._post(action, f"{run.id}:undo" if undo else run.id, body, undo=undo)

    async def _post(self, action: WebhookAction, key: str, body: bytes, *, undo: bool) -> str:
        post = Post(self._kit.transport, action.undo if undo else action.url, action.timeout)
        for pause in _PAUSES:
            try:
                await post(body, self._headers(action, key, body))
            except UnreachedError as error:
                asked = pause if error.retry_after is None else error.retry_after / 1000
                await self._pause(min(asked, _LONGEST_PAUSE))
            else:
                return f"{post.host} took it"
        await post(body, self._headers(action, key, body))
        return f"{post.host} took it"

    def _headers(self, action: WebhookAction, key: str, body: bytes) -> dict[str, str]:
        named = key.encode("ascii", "backslashreplace").decode()
        signed = signature_headers(action.secrets, at=self._kit.clock.wall(), key=named, body=body)
        return {"Content-Type": "application/json", "Idempotency-Key": named, **signed}


async def _execute(action: CommandAction, argv: Sequence[str], run: ActionRun, body: bytes) -> str:
    finished = await run_program(fill(argv, run), body, timeout_ms=action.timeout)
    if finished.code != 0:
        raise PermanentError(f"{argv[0]}: {finished}")
    return finished.output
