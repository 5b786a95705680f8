"""Alerts as Alertmanager's clients send and read them: pure translation, its refusals in Alertmanager's words.

What is posted has to have the shape of the OpenAPI document, all of it (400 what is no JSON of that shape, 422 what
misses a field). Then each alert is looked at by itself: what is wrong with one costs nobody else anything.

Names of labels are what UTF-8 can say, as since Alertmanager 0.27. What no alert needs is refused or cut off, so that
one sender cannot fill the memory: many or very long labels, annotations without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
from msgspec import UNSET, structs

from rtmd.api.alertmanager_silences import BadShapeError
from rtmd.formats.query_json import show_moment
from rtmd.model.external import PostedAlert
from rtmd.model.labels import Labels, labels_of
from rtmd.model.reaction import Alert, Told
from rtmd.model.rule import MINUTE
from rtmd.model.standing import Standing, StandingGroup
from rtmd.receivers.alertmanager import alert_labels, fingerprint, generator, notes
from rtmd.wire.alertmanager import AlertGroup, AlertStatus, GettableAlert, PostableAlert, Receiver

BODY = 8 * 1024**2
LIFE = 5 * MINUTE  # after which an Alertmanager forgets what is not sent again

_MOST_LABELS = 128  # of each kind
_LONGEST_NAME = 256
_LONGEST_VALUE = 4_096
_LONGEST_NOTE = 16_384
_LONGEST_URL = 4_096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = "0001-01-01T00:00:00"  # how Go's zero time begins
_BAD_TYPE, _MISSING = 400, 602
_PRODUCT = re.compile(r"[A-Za-z][\w.-]{0,39}", re.ASCII)
_posted = msgspec.json.Decoder(list[PostableAlert])


def read_alerts(body: bytes) -> tuple[list[PostedAlert], list[str]]:
    """The alerts of a post that can be taken, and what is wrong with each of the others. Raises BadShapeError."""
    try:
        posted = _posted.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unparsed(error) from None
    taken, problems = [], []
    for number, one in enumerate(posted):
        if one.labels is None:
            raise BadShapeError(_MISSING, f"{number}.labels in body is required")
        alert = PostedAlert(
            labels_of(one.labels),
            tuple(sorted((name, text[:_LONGEST_NOTE]) for name, text in (one.annotations or {}).items())),
            _moment("startsAt", one.starts_at),
            _moment("endsAt", one.ends_at),
            one.generator_url or "",
        )
        problem = next(_problems(alert), "")
        if problem:
            problems.append(problem)
        else:
            taken.append(alert)
    return taken, problems


def sender_of(agent: str, caller: str) -> str:
    """Who posts: the product that a client without a name of its own says it is."""
    product = _PRODUCT.match(agent)
    return product[0] if product else caller


def gettable_alert(standing: Standing, wall: int) -> GettableAlert:
    """An open firing as it is read; what others posted as they posted it."""
    firing, culprit, origin = standing.firing, standing.inhibited_by, standing.origin
    labels = alert_labels(firing)
    inhibited_by = [fingerprint(alert_labels(culprit))] if culprit else []
    state = "suppressed" if standing.silenced_by or inhibited_by else "active"
    own = notes(Alert(firing, Told.FIRING, 0, firing.reason), firing.title, firing.reason)
    return GettableAlert(
        labels=labels,
        annotations=dict(origin.annotations) if origin else own,
        starts_at=show_moment(origin.starts_at if origin else firing.fired_at),
        ends_at=show_moment(origin.ends_at if origin else wall + LIFE),
        updated_at=show_moment(origin.updated_at if origin else wall),
        fingerprint=fingerprint(labels),
        receivers=[Receiver(name) for name in standing.receivers],
        status=AlertStatus(state, list(standing.silenced_by), inhibited_by),
        generator_url=generator(firing) or UNSET,
    )


def gettable_group(group: StandingGroup, alerts: Mapping[str, GettableAlert]) -> AlertGroup:
    """A group with those of its members that were asked for, by firing."""
    members = [alerts[each.firing.id] for each in group.members if each.firing.id in alerts]
    if group.muted_by:
        members = [structs.replace(alert, status=_muted(alert.status, group.muted_by)) for alert in members]
    labels = {**dict(group.key.labels), "stage": str(group.key.stage)}  # groups of two stages are two groups
    return AlertGroup(labels, Receiver(group.key.receiver), members)


def _muted(status: AlertStatus, calendars: Sequence[str]) -> AlertStatus:
    return structs.replace(status, state="suppressed", muted_by=list(calendars))


def _problems(alert: PostedAlert) -> Iterator[str]:
    """What is wrong with an alert by itself."""
    if alert.starts_at is not None and alert.ends_at is not None and alert.ends_at < alert.starts_at:
        yield "start time must be before end time"
    yield from _bad_pairs("label set", alert.labels)
    if not alert.labels:
        yield "at least one label pair required"
    yield from _bad_pairs("annotations", alert.annotations)
    if len(alert.url) > _LONGEST_URL:
        yield f"generatorURL has more than {_LONGEST_URL} characters"


def _bad_pairs(what: str, pairs: Labels) -> Iterator[str]:
    if len(pairs) > _MOST_LABELS:
        yield f"invalid {what}: more than {_MOST_LABELS}"
    for name, text in pairs:
        if not name:
            yield f'invalid {what}: invalid name ""'
        if len(name) > _LONGEST_NAME:
            yield f'invalid {what}: the name "{name[:60]}…" has more than {_LONGEST_NAME} characters'
        if len(text) > _LONGEST_NOTE or (len(text) > _LONGEST_VALUE and what == "label set"):
            yield f"invalid {what}: {name[:60]} is too long"


@lru_cache(maxsize=4_096)  # alerts are posted again and again, and many at a time
def _moment(name: str, text: str | None) -> int | None:
    """Milliseconds; None for a time that is missing, or Go's zero."""
    if not text or text.startswith(_NEVER):
        return None
    try:
        when = datetime.fromisoformat(text)
        return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise _unparsed(f'{name}: cannot parse "{text[:60]}" as a time') from None


def _unparsed(why: object) -> BadShapeError:
    return BadShapeError(_BAD_TYPE, f'parsing alerts body from "" failed, because {why}')
