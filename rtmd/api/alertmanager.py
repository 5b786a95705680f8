"""Version 2 of Alertmanager's API over rtmd's own firings and silences: what amtool, Karma and Grafana ask.

An alert is an open firing, under the labels, annotations and fingerprint that it has where rtmd sends it to an
Alertmanager. `stage` and `severity` are annotations, so that a rise is the same alert, and yet labels to matchers of
filters and silences (semantics S1). Alerts that others post are firings beside ours, and are read as they were posted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rtmd import __version__
from rtmd.api import parameters
from rtmd.api.alertmanager_alerts import BODY, gettable_alert, gettable_group, read_alerts, sender_of
from rtmd.api.alertmanager_config import original
from rtmd.api.alertmanager_silences import (
    CONFIRMED,
    BadShapeError,
    gettable_silence,
    in_order,
    mentions,
    read_silence,
    silence_input,
)
from rtmd.api.answers import BodyBudget, Json, read_body
from rtmd.api.auth import CALLER, Caller, require
from rtmd.api.desk import Desk
from rtmd.api.parameters import BadParameterError, Fields
from rtmd.config import Role
from rtmd.errors import ConflictError, MatcherError, RefusedError
from rtmd.formats.query_json import show_moment
from rtmd.matching import check_pattern, compile_matchers, matches_value, parse_matcher
from rtmd.model.effects import Answered
from rtmd.model.inputs import AlertsPosted, SilenceExpired
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.replace import replace
from rtmd.model.silence import Silence
from rtmd.model.standing import Standing
from rtmd.wire.alertmanager import Receiver

_BODY = 64 * 1024
_AT_ONCE = 100  # alerts put into words, some 10 ms
_MOST_WORDS = 10_000  # characters about what is wrong with a post
_SPOKEN = "0.28.0"  # clients may choose by it how they ask
_TRUE = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})  # go-swagger's
_NO_SILENCE = "silence not found"

Answering: TypeAlias = Callable[[Request], Awaitable[Response]]
Wants: TypeAlias = Callable[[Standing], bool]


class AlertmanagerApi:
    """The endpoints below /api/v2."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._budget = BodyBudget(16 * _BODY)
        self._posted = BodyBudget(4 * BODY)  # of alerts

    def routes(self) -> list[BaseRoute]:
        """Path by path."""
        return [
            _route("/api/v2/alerts", {"GET": self.alerts, "POST": self.post_alerts}),
            _route("/api/v2/alerts/groups", {"GET": self.groups}),
            _route("/api/v2/silences", {"GET": self.silences, "POST": self.post_silence}),
            _route("/api/v2/silence/{id}", {"GET": self.silence, "DELETE": self.expire}),
            _route("/api/v2/status", {"GET": self.status}),
            _route("/api/v2/receivers", {"GET": self.receivers}),
        ]

    async def alerts(self, request: Request) -> Response:
        """Open firings, by fingerprint."""
        fields = _fields(request)
        wants, receives = _wanted(fields), _receiver(fields)
        wall, standings = self._desk.wall(), self._desk.alertmanager.alerts()
        found = [
            gettable_alert(standing, wall)
            async for standing in _unhurried(standings)
            if wants(standing) and (receives is None or any(map(receives, standing.receivers)))
        ]
        return Json(sorted(found, key=lambda alert: alert.fingerprint))

    async def post_alerts(self, request: Request) -> Response:
        """Alerts that others raise; whoever may send samples may. 200 means that what changed is on disk.

        What is wrong with some of them is said (400) and counted; the others are taken.
        """
        caller: Caller = request.scope[CALLER]
        body = await read_body(request.receive, limit=BODY, budget=self._posted)
        alerts, problems = read_alerts(body)
        if problems:
            self._desk.dropped("invalid_alert", len(problems))
        sender = sender_of(request.headers.get("user-agent", "") if caller.anonymous else "", caller.name)
        answered = await self._desk.ask(lambda number: AlertsPosted(number, sender, tuple(alerts)))
        problems += [answered.error] if answered.error else []
        return Json("; ".join(problems)[:_MOST_WORDS], max(answered.status, 400)) if problems else Response()

    async def groups(self, request: Request) -> Response:
        """The groups that receivers are told of."""
        fields = _fields(request)
        wants, receives, with_muted = _wanted(fields), _receiver(fields), _flag(fields, "muted")
        groups = [
            group
            for group in self._desk.alertmanager.groups()
            if (receives is None or receives(group.key.receiver)) and (with_muted or not group.muted_by)
        ]
        members = {each.firing.id: each for group in groups for each in group.members if wants(each)}
        wall = self._desk.wall()
        alerts = {each.firing.id: gettable_alert(each, wall) async for each in _unhurried([*members.values()])}
        return Json(
            [
                gettable_group(group, alerts)
                for group in groups
                if any(each.firing.id in alerts for each in group.members)
            ]
        )

    async def silences(self, request: Request) -> Response:
        """Silences that have all matchers of the filter."""
        fields = _fields(request)
        wanted, creators, wall = _filter(fields), fields.get("creator", ()), self._desk.wall()
        found = [
            silence
            for silence in self._desk.alertmanager.silences()
            if mentions(silence, wanted) and (not creators or silence.created_by in creators)
        ]
        return Json([gettable_silence(silence, wall) for silence in in_order(found, wall)])

    async def silence(self, request: Request) -> Response:
        """One of them."""
        found = self._find(request.path_params["id"])
        return Json(_NO_SILENCE, 404) if found is None else Json(gettable_silence(found, self._desk.wall()))

    async def post_silence(self, request: Request) -> Response:
        """Create or edit a silence; who has no name of their own is known by what they say."""
        caller = require(request.scope, Role.OPERATE)
        posted = read_silence(await read_body(request.receive, limit=_BODY, budget=self._budget))
        existing = self._find(posted.id) if posted.id else None
        if posted.id and existing is None:
            return Json(_NO_SILENCE, 404)
        author = posted.created_by or "" if caller.anonymous else ""
        wanted = silence_input(posted, by=caller.name, author=author, wall=self._desk.wall(), existing=existing)
        answered = await self._desk.ask(lambda number: replace(wanted, request=number, origin=caller.origin))
        if answered.confirm:
            return Json(f'{"; ".join(answered.confirm)}: begin the comment with "{CONFIRMED}" to mean it', 400)
        return _failure(answered) or Json({"silenceID": answered.id})

    async def expire(self, request: Request) -> Response:
        """End a silence now; one that has ended already stays as it is."""
        caller = require(request.scope, Role.OPERATE)
        wanted = request.path_params["id"]
        if self._find(wanted) is None:
            return Json(_NO_SILENCE, 404)
        expired = SilenceExpired(0, caller.name, wanted, origin=caller.origin)
        answered = await self._desk.ask(lambda number: replace(expired, request=number))
        return _failure(answered) or Response()

    async def status(self, _: Request) -> Response:
        """Version, configuration, and that there is no cluster."""
        version = {"version": _SPOKEN, "revision": f"rtmd {__version__}"}
        unknown = dict.fromkeys(("branch", "buildUser", "buildDate", "goVersion"), "")
        return Json(
            {
                "cluster": {"status": "disabled", "peers": []},
                "versionInfo": {**version, **unknown},
                "config": {"original": original(self._desk.alertmanager.policy(), self._receivers())},
                "uptime": show_moment(self._desk.status().started_at),
            }
        )

    async def receivers(self, _: Request) -> Response:
        """The names of all receivers."""
        return Json([Receiver(name) for name in self._receivers()])

    def _receivers(self) -> list[str]:
        return [receiver.name for receiver in self._desk.deliveries.receivers()]

    def _find(self, silence_id: str) -> Silence | None:
        return next((each for each in self._desk.alertmanager.silences() if each.id == silence_id), None)


async def _unhurried(standings: Sequence[Standing]) -> AsyncIterator[Standing]:
    """These, with room for other work in between: there may be thousands."""
    for number, standing in enumerate(standings, 1):
        yield standing
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)


def _route(path: str, methods: dict[str, Answering]) -> Route:
    """The endpoint, its refusals in Alertmanager's shapes: words alone, or go-swagger's code and message."""

    async def endpoint(request: Request) -> Response:
        try:
            return await methods["GET" if request.method == "HEAD" else request.method](request)
        except BadShapeError as error:
            return _refusal(error.code, str(error), error.status)
        except (BadParameterError, RefusedError) as error:
            return Json(str(error), 409 if isinstance(error, ConflictError) else 400)

    return Route(path, endpoint, methods=list(methods))


def _refusal(code: int, message: str, status: int = 0) -> Response:
    return Json({"code": code, "message": message}, status or code)


def _failure(answered: Answered) -> Response | None:
    """What the step refused."""
    if answered.error or answered.status >= 400:
        return Json(answered.error, max(answered.status, 400))
    return None


def _fields(request: Request) -> Fields:
    return parameters.read_fields(b"", request.url.query)


def _flag(fields: Fields, name: str) -> bool:
    """What is not said, or said to be nothing, is so."""
    text = fields.get(name, [""])[-1]
    return not text or text.lower() in _TRUE


def _filter(fields: Fields) -> tuple[Matcher, ...]:
    try:
        return tuple(map(parse_matcher, fields.get("filter", ())))
    except MatcherError as error:
        raise BadParameterError(f"bad matcher format: {error}") from None


def _wanted(fields: Fields) -> Wants:
    """What filter and flags ask for."""
    matches = compile_matchers(_filter(fields))
    active, silenced, inhibited = (_flag(fields, name) for name in ("active", "silenced", "inhibited"))

    def wants(standing: Standing) -> bool:
        by_silence, by_alert = bool(standing.silenced_by), standing.inhibited_by is not None
        if (by_silence and not silenced) or (by_alert and not inhibited):
            return False
        return (active or by_silence or by_alert) and matches(standing.labels)

    return wants


def _receiver(fields: Fields) -> Callable[[str], bool] | None:
    pattern = fields.get("receiver", [""])[-1]
    if not pattern:
        return None
    try:
        check_pattern(pattern)
    except MatcherError as error:
        raise BadParameterError(f"failed to parse receiver param: {error}") from None
    matcher = Matcher("receiver", MatchOp.REGEX, pattern)
    return lambda name: matches_value(matcher, name)
