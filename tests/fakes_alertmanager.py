"""Firings and a silence as Alertmanager's clients are shown them, and an API over them without a daemon."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx
from fakes_api import NOW, FakeDesk, config
from hypothesis import strategies as st

from rtmd.api.app import build_app
from rtmd.api.stream import Hub
from rtmd.config import Role
from rtmd.matching import parse_matchers
from rtmd.model.firing import Firing, StageRecord, StageState
from rtmd.model.labels import labels_of
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName
from rtmd.model.silence import Silence
from rtmd.model.standing import Standing

API = "/api/v2"
RECORD = StageRecord(StageName.MINUTES, StageState.FIRING, fired_at=NOW - 60_000, value=93.0)
SURGE = Firing(
    id="01J0",
    version=3,
    rule="surge",
    labels=labels_of({"brand": "acme"}),
    kind=Kind.OPPORTUNITY,
    title="acme: 93 mentions",
    severity=Severity.WARNING,
    stage=StageName.MINUTES,
    stages=(RECORD,),
    active_at=NOW - 120_000,
    fired_at=NOW - 60_000,
    reason="93 > 80",
    extra_labels=labels_of({"desk": "social"}),
    links=(("dashboard", "https://graphs.example/d"), ("runbook", "https://wiki.example/surge")),
    unit="mentions/min",
    threshold="> 80",
)
DOWN = replace(SURGE, id="01J1", rule="down", labels=labels_of({"brand": "zeta"}), links=(), extra_labels=())
SILENCE = Silence(
    "a1b2c3d4e5",
    tuple(sorted(parse_matchers("rule=surge, brand=~'a.*', desk!=x, site!~'y|z'"))),
    starts_at=NOW - 60_500,
    ends_at=NOW + 60_000,
    created_by="ana",
    comment="known",
    updated_at=NOW - 60_500,
)
# Hostile texts.
BITS = st.sampled_from(["a", "=", "!", "~", '"', "\\", "(", "{", "}", ",", "stage", "\x00", "é", "\u202e", "[[:"])
WILD = st.lists(BITS, max_size=8).map("".join) | st.text(max_size=20)


def standing(firing: Firing, **changes: Any) -> Standing:
    own = {"rule": firing.rule, "alertname": firing.rule, "stage": str(firing.stage), "severity": str(firing.severity)}
    return Standing(firing, labels_of(dict(firing.labels) | own), **{"receivers": ("desk", "log"), **changes})


@cache
def transport() -> httpx.ASGITransport:
    desk = FakeDesk()
    desk.alertmanager.standing = [standing(SURGE)]
    desk.alertmanager.kept = [SILENCE]
    return httpx.ASGITransport(build_app(desk, Hub(desk), config(tcp_role=Role.OPERATE)), raise_app_exceptions=True)
