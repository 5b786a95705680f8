"""Prometheus' query API, as of Prometheus 3: what Grafana, promtool and its client libraries ask.

Questions about samples are checked here and answered by a process of their own (`Desk.answer`); rules, alerts and
exemplars are read between two steps. Every answer is `{"status": "success", "data": …}`, every refusal
`{"status": "error", "errorType": …, "error": …}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

import msgspec
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from rtmd import __version__
from rtmd.api import parameters
from rtmd.api.answers import BodyBudget, Json, read_body
from rtmd.api.desk import Desk
from rtmd.api.parameters import BadParameterError, Fields, first
from rtmd.api.questions import FIRST, LAST, STATUS, Answer, Instant, Listing, Question, Stretch
from rtmd.errors import PromqlError
from rtmd.matching import compile_matchers
from rtmd.model.expr import selectors
from rtmd.model.labels import labels_of
from rtmd.model.matcher import Matcher
from rtmd.promql import parse_query, show
from rtmd.wire.prometheus import AlertingRule, RuleGroup

_FORM = 64 * 1024
_STEPS = 11_000
_PATIENCE = 120_000  # ms, as in Prometheus
_LOOKBACK = 300_000
_GONE = 499  # nobody will read it
_SPOKEN = "3.0.0"  # clients choose by it what they may ask for

Answering: TypeAlias = Callable[[Request, Fields], Awaitable[Response]]


class PrometheusApi:
    """The endpoints below /api/v1 that only read."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._budget = BodyBudget(16 * _FORM)

    def routes(self) -> list[BaseRoute]:
        """Path by path."""
        both: dict[str, Answering] = {
            "/api/v1/query": self.query,
            "/api/v1/query_range": self.query_range,
            "/api/v1/query_exemplars": self.query_exemplars,
            "/api/v1/format_query": self.format_query,
            "/api/v1/labels": self.labels,
            "/api/v1/series": self.series,
        }
        read_only: dict[str, Answering] = {
            "/api/v1/label/{name:path}/values": self.label_values,
            "/api/v1/rules": self.rules,
            "/api/v1/alerts": self.alerts,
            "/api/v1/metadata": self.metadata,
            "/api/v1/status/buildinfo": self.buildinfo,
        }
        return [
            *(self._route(path, answering, ["GET", "POST"]) for path, answering in both.items()),
            *(self._route(path, answering, ["GET"]) for path, answering in read_only.items()),
        ]

    async def query(self, request: Request, fields: Fields) -> Response:
        """The value of an expression at an instant."""
        _check_lookback(fields)
        at = parameters.moment(fields, "time", default=self._desk.now())
        return await self._ask(Instant(first(fields, "query"), at, parameters.limit(fields)), fields, request)

    async def query_range(self, request: Request, fields: Fields) -> Response:
        """Its values over time."""
        _check_lookback(fields)
        start, end = parameters.moment(fields, "start"), parameters.moment(fields, "end")
        if end < start:
            raise BadParameterError("end timestamp must not be before start time", "end")
        step = parameters.length(fields, "step")
        if step <= 0:
            problem = "zero or negative query resolution step widths are not accepted. Try a positive integer"
            raise BadParameterError(problem, "step")
        if (end - start) // step > _STEPS:
            raise BadParameterError(
                f"exceeded maximum resolution of {_STEPS:,} points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        question = Stretch(first(fields, "query"), start, end, step, parameters.limit(fields))
        return await self._ask(question, fields, request)

    async def labels(self, request: Request, fields: Fields) -> Response:
        """The names of labels."""
        return await self._ask(_listing("labels", fields), fields, request)

    async def label_values(self, request: Request, fields: Fields) -> Response:
        """The values of one label."""
        name = parameters.unescaped(request.path_params["name"])
        if not name or "\ufffd" in name:
            raise BadParameterError(f'invalid label name: "{name}"', "name")
        return await self._ask(replace(_listing("values", fields), label=name), fields, request)

    async def series(self, request: Request, fields: Fields) -> Response:
        """Whole label sets."""
        if not fields.get("match[]"):
            raise BadParameterError("no match[] parameter provided")
        return await self._ask(_listing("series", fields), fields, request)

    async def query_exemplars(self, _: Request, fields: Fields) -> Response:
        """The evidence that is kept of what an expression reads."""
        start, end = _ends(fields)
        text = first(fields, "query")
        try:
            wanted = [selector.matchers for selector in selectors(parse_query(text))]
        except PromqlError as error:
            raise BadParameterError(parameters.complaint(text, error), "query") from None
        return _success(self._desk.exemplars(wanted, start, end))

    async def format_query(self, _: Request, fields: Fields) -> Response:
        """The expression as rtmd writes it."""
        text = first(fields, "query")
        try:
            return _success(show(parse_query(text)))
        except PromqlError as error:
            raise BadParameterError(parameters.complaint(text, error), "query") from None

    async def rules(self, _: Request, fields: Fields) -> Response:
        """The rules in force, as alerting rules."""
        kind = first(fields, "type")
        if kind not in {"", "alert", "record"}:
            raise BadParameterError(f'not supported value "{kind[:60]}"', "type")
        without_alerts = parameters.flag(fields, "exclude_alerts")
        wanted = [parameters.selector(text) for text in fields.get("match[]", ())]
        groups = self._desk.rule_groups() if kind != "record" else []
        groups = [_fewer(group, fields, wanted, without_alerts=without_alerts) for group in groups]
        return _success({"groups": [group for group in groups if group.rules]})

    async def alerts(self, _: Request, __: Fields) -> Response:
        """What is pending or firing."""
        alerts = [alert for group in self._desk.rule_groups() for rule in group.rules for alert in rule.alerts]
        return _success({"alerts": alerts})

    async def metadata(self, _: Request, fields: Fields) -> Response:
        """Types of metrics: of rtmd's own, senders' are not kept."""
        metric = first(fields, "metric")
        known = {
            family.name: [{"type": family.kind, "help": family.help, "unit": ""}]
            for family in self._desk.metrics()
            if metric in {"", family.name}
        }
        most = parameters.limit(fields)
        return _success(dict(list(known.items())[: most or None]))

    async def buildinfo(self, _: Request, __: Fields) -> Response:
        """Whose API this is, and what answers."""
        build = {"version": _SPOKEN, "revision": f"rtmd {__version__}", "branch": "", "buildUser": "", "buildDate": ""}
        return _success({**build, "goVersion": ""})

    async def _ask(self, question: Question, fields: Fields, request: Request) -> Response:
        seconds = parameters.length(fields, "timeout", default=_PATIENCE) / 1000
        answering = asyncio.create_task(self._desk.answer(question, seconds))
        leaving = asyncio.create_task(_left(request))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                return Response(status_code=_GONE)
        finally:
            leaving.cancel()
            answering.cancel()  # nothing, if it is done
        answer = await answering
        if answer.error_type:
            return _error(answer.error_type, answer.error)
        pieces = _pieces(answer)
        size = {"Content-Length": str(sum(map(len, pieces)))}
        return StreamingResponse(_sent(pieces), headers=size, media_type="application/json")

    def _route(self, path: str, answering: Answering, methods: Sequence[str]) -> Route:
        """The endpoint: its fields read, its refusals in Prometheus' shape."""
        allowed = ", ".join([*methods, "HEAD", "OPTIONS"])

        async def endpoint(request: Request) -> Response:
            if request.method == "OPTIONS":
                return Response(status_code=204, headers={"Allow": allowed})
            try:
                return await answering(request, await self._fields(request))
            except BadParameterError as error:
                return _error("bad_data", str(error))
            except HTTPException as error:
                kind = "unavailable" if error.status_code == 429 else "bad_data"
                return _error(kind, error.detail, status=error.status_code, headers=dict(error.headers or {}))

        return Route(path, endpoint, methods=[*methods, "OPTIONS"])

    async def _fields(self, request: Request) -> Fields:
        form = b""
        if request.method == "POST":
            form = await read_body(request.receive, limit=_FORM, budget=self._budget)
        return parameters.read_fields(form, request.url.query)


def _success(content: object) -> Response:
    return Json({"status": "success", "data": content})


def _error(kind: str, problem: str, *, status: int = 0, headers: dict[str, str] | None = None) -> Response:
    body = {"status": "error", "errorType": kind, "error": problem}
    return Json(body, status_code=status or STATUS[kind], headers=headers)


async def _left(request: Request) -> None:
    """Returns when nobody waits for the answer any more (dashboards change their minds)."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _pieces(answer: Answer) -> list[bytes]:
    warnings = b',"warnings":' + msgspec.json.encode(answer.warnings) if answer.warnings else b""
    return [b'{"status":"success","data":', *answer.data, warnings + b"}"]


async def _sent(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _ends(fields: Fields) -> tuple[int, int]:
    return parameters.moment(fields, "start", default=FIRST), parameters.moment(fields, "end", default=LAST)


def _listing(of: str, fields: Fields) -> Listing:
    start, end = _ends(fields)
    wanted = tuple(fields.get("match[]", ()))
    for text in wanted:
        parameters.selector(text)
    return Listing(of, wanted, start, end, limit=parameters.limit(fields))


def _check_lookback(fields: Fields) -> None:
    if parameters.length(fields, "lookback_delta", default=_LOOKBACK) != _LOOKBACK:
        raise BadParameterError("it is 5m, as rules have it", "lookback_delta")


def _fewer(
    group: RuleGroup, fields: Fields, wanted: Sequence[tuple[Matcher, ...]], *, without_alerts: bool
) -> RuleGroup:
    """The group with what was asked for."""
    asked = [fields.get("rule_group[]"), fields.get("file[]")]
    if any(names and own not in names for names, own in zip(asked, (group.name, group.file), strict=True)):
        return replace(group, rules=[])
    names = fields.get("rule_name[]")
    wants = [compile_matchers(matchers) for matchers in wanted]

    def fits(rule: AlertingRule) -> bool:
        labels = labels_of(rule.labels)
        return (not names or rule.name in names) and (not wants or any(want(labels) for want in wants))

    rules = [replace(rule, alerts=[]) if without_alerts else rule for rule in group.rules if fits(rule)]
    return replace(group, rules=rules)
