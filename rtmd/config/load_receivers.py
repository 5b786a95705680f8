"""`[receivers.NAME]`: text to values, with every problem at its place.

Keys that all kinds share are read here once; each kind adds its own. Names that refer to other receivers (`fallback`)
are looked at when all of them are known: they must exist, and nobody may stand in for himself, however far around.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from email.headerregistry import Address as MailAddress
from typing import TypedDict, cast
from zoneinfo import ZoneInfo

from rtmd.config.places import Places
from rtmd.config.receivers import (
    MAIL_PORTS,
    PAGERDUTY_URL,
    AlertmanagerReceiver,
    Chat,
    ChatReceiver,
    CommandReceiver,
    EmailReceiver,
    LogReceiver,
    NtfyReceiver,
    PagerDutyReceiver,
    Receiver,
    ReceiverConfig,
    Security,
    WebhookFormat,
    WebhookReceiver,
    Wording,
)
from rtmd.config.template import Template, TemplateProblem, checked
from rtmd.model.replace import replace
from rtmd.rulefile.table import Table, nearest

_SHARED = frozenset({"kind", "fallback", "fallback_after", "storm", "lang", "zone"})
_WORDED = frozenset({"title", "text"})
_LATER = frozenset({"headers"})
_CALMEST = 1_000_000  # news a minute
_SHORTEST_RESEND = 1_000


class _Shared(TypedDict):
    fallback: str
    fallback_after: int
    storm: int
    wording: Wording


def read_receivers(root: Table, places: Places, wording: Wording) -> dict[str, ReceiverConfig]:
    """All receivers by name; `log` is always among them. `wording` is that of the daemon."""
    found: dict[str, ReceiverConfig] = {"log": LogReceiver("log", wording=wording)}
    tables = dict(root.tables("receivers"))
    for name, table in tables.items():
        if name.startswith("@"):
            table.broken("names that begin with @ are reserved")
        found[name] = _receiver(name, table, places, wording)
        if name == "log" and not isinstance(found[name], LogReceiver):
            table.misplaced("kind", 'must be "log": that name is the log everywhere')
    for name, table in tables.items():
        _check_fallback(name, table, found)
    return found


def _receiver(name: str, table: Table, places: Places, wording: Wording) -> ReceiverConfig:
    kind = table.text("kind", name)
    read = _KINDS.get(kind)
    if read is None:
        listed = ", ".join(f'"{known}"' for known in _KINDS)
        table.misplaced("kind", f'must be one of {listed}, not "{kind[:60]}"{nearest(kind, _KINDS)}')
        return LogReceiver(name)  # the name exists: one problem is enough
    return read(name, table, places, _shared(table, wording))


def _shared(table: Table, wording: Wording) -> _Shared:
    return {
        "fallback": table.text("fallback"),
        "fallback_after": table.duration("fallback_after", cast("int", _default(Receiver, "fallback_after")), least=1),
        "storm": _storm(table),
        "wording": read_wording(
            table, replace(wording, title=_template(table, "title"), text=_template(table, "text"))
        ),
    }


def _storm(table: Table) -> int:
    if table.content.get("storm") == "off":
        return 0
    if "storm" not in table:
        kind = AlertmanagerReceiver if table.text("kind", str(table.path[-1])) == "alertmanager" else Receiver
        return cast("int", _default(kind, "storm"))
    return table.integer("storm", 0, least=1, most=_CALMEST)


def read_wording(table: Table, default: Wording) -> Wording:
    """`lang` and `zone` of a table; the rest as it is."""
    return replace(default, lang=table.choice("lang", default.lang), zone=_zone(table, default.zone))


def _zone(table: Table, default: str) -> str:
    zone = table.text("zone", default)
    try:
        return ZoneInfo(zone).key
    except (ValueError, OSError, KeyError):  # unknown; or no name of a zone at all, but that of a folder
        table.wrong("zone", f'must be a time zone like "Europe/Paris", not "{zone[:60]}"')
        return default


def _template(table: Table, key: str) -> Template | None:
    if not isinstance(table.content.get(key, ""), str) or key not in table:
        table.text(key)
        return None
    source = table.text(key, empty=False)
    try:
        return checked(source)
    except TemplateProblem as problem:
        offset = sum(len(line) + 1 for line in source.split("\n")[: max(0, problem.line - 1)])
        where = table.document.inside((*table.path, key), min(offset, len(source)), "")
        problem_there = f"{table.name(key)} cannot be used: {problem}"
        table.problems.append(replace(where, problem=problem_there))
        return None


def _log(name: str, table: Table, places: Places, shared: _Shared) -> LogReceiver:
    del places
    table.refuse_unknown(_SHARED - {"fallback", "fallback_after"}, _LATER)
    return LogReceiver(name, **shared)


def _webhook(name: str, table: Table, places: Places, shared: _Shared) -> WebhookReceiver:
    table.refuse_unknown(_SHARED | {"url", "timeout", "format", "secret"}, _LATER)
    return WebhookReceiver(
        name,
        places.url(table),
        timeout=_timeout(table, WebhookReceiver),
        format=table.choice("format", WebhookFormat.RTMD),
        secrets=places.secrets(table, "secret"),
        **shared,
    )


def _command(name: str, table: Table, places: Places, shared: _Shared) -> CommandReceiver:
    table.refuse_unknown(_SHARED | {"argv", "timeout"}, _LATER)
    return CommandReceiver(name, places.argv(table, "argv"), timeout=_timeout(table, CommandReceiver), **shared)


def _chat(name: str, table: Table, places: Places, shared: _Shared) -> ChatReceiver:
    table.refuse_unknown(_SHARED | _WORDED | {"url", "timeout"}, _LATER)
    chat = Chat(table.text("kind", name))
    return ChatReceiver(name, chat, places.url(table), timeout=_timeout(table, ChatReceiver), **shared)


def _ntfy(name: str, table: Table, places: Places, shared: _Shared) -> NtfyReceiver:
    table.refuse_unknown(_SHARED | _WORDED | {"url", "timeout", "token", "tags"}, _LATER)
    tags = table.texts("tags") or ()
    if any(not tag.isascii() or not tag.isprintable() or "," in tag for tag in tags):
        table.wrong("tags", "must be plain words: they are sent as a header")
    return NtfyReceiver(
        name,
        places.url(table),
        timeout=_timeout(table, NtfyReceiver),
        token=places.secret(table, "token"),
        tags=tags,
        **shared,
    )


def _pagerduty(name: str, table: Table, places: Places, shared: _Shared) -> PagerDutyReceiver:
    table.refuse_unknown(_SHARED | _WORDED | {"key", "url", "timeout"}, _LATER)
    if "key" not in table:
        table.broken("key is missing: the integration key of a service")
    return PagerDutyReceiver(
        name,
        places.secret(table, "key"),
        url=places.url(table) if "url" in table else PAGERDUTY_URL,
        timeout=_timeout(table, PagerDutyReceiver),
        **shared,
    )


def _alertmanager(name: str, table: Table, places: Places, shared: _Shared) -> AlertmanagerReceiver:
    table.refuse_unknown(_SHARED | _WORDED | {"url", "timeout", "resend"}, _LATER)
    resend = cast("int", _default(AlertmanagerReceiver, "resend"))
    return AlertmanagerReceiver(
        name,
        places.url(table),
        timeout=_timeout(table, AlertmanagerReceiver),
        resend=table.duration("resend", resend, least=_SHORTEST_RESEND),
        **shared,
    )


def _email(name: str, table: Table, places: Places, shared: _Shared) -> EmailReceiver:
    keys = {"host", "port", "security", "user", "password", "from", "to", "timeout"}
    table.refuse_unknown(_SHARED | _WORDED | keys, _LATER)
    for key in ("host", "from", "to"):
        if key not in table:
            table.broken(f"{key} is missing")
    security = table.choice("security", Security.STARTTLS)
    user, password = table.text("user"), places.secret(table, "password")
    if bool(user) != bool(password) and ("user" in table) != ("password" in table):
        table.broken("user and password go together")
    if security is Security.NONE and "password" in table:
        table.wrong("security", 'would send the password in the open: "starttls" or "tls"')
    to = table.texts("to") or ()
    for address in to:
        _check_address(table, "to", address)
    sender = table.text("from")
    if sender:
        _check_address(table, "from", sender)
    return EmailReceiver(
        name,
        host=table.text("host", empty="host" not in table),
        sender=sender,
        to=to,
        port=table.integer("port", MAIL_PORTS[security], least=1, most=65_535),
        security=security,
        user=user,
        password=password,
        timeout=_timeout(table, EmailReceiver),
        **shared,
    )


def _check_address(table: Table, key: str, address: str) -> None:
    try:
        MailAddress(addr_spec=address)
        fine = "@" in address and address.isascii() and address.isprintable()
    except Exception:  # noqa: BLE001  # the parser of the standard library is known to stumble in many ways
        fine = False
    if not fine:
        table.wrong(key, f'must be an address like desk@example.org, not "{address[:80]}"')


_Read = Callable[[str, Table, Places, _Shared], ReceiverConfig]
_KINDS: Mapping[str, _Read] = {
    "log": _log,
    "webhook": _webhook,
    "command": _command,
    **dict.fromkeys(map(str, Chat), _chat),
    "ntfy": _ntfy,
    "pagerduty": _pagerduty,
    "alertmanager": _alertmanager,
    "email": _email,
}


def _timeout(table: Table, kind: type[Receiver]) -> int:
    return table.duration("timeout", cast("int", _default(kind, "timeout")), least=1)


def _default(kind: type[Receiver], name: str) -> object:
    """The default of a field, which the dataclass alone decides."""
    return next(field.default for field in dataclasses.fields(kind) if field.name == name)


def _check_fallback(name: str, table: Table, receivers: Mapping[str, ReceiverConfig]) -> None:
    fallback = receivers[name].fallback
    if not fallback:
        if "fallback_after" in table:
            table.misplaced("fallback_after", "has no fallback to go with it")
        return
    if fallback not in receivers:
        table.wrong("fallback", f'names "{fallback[:60]}", which does not exist{nearest(fallback, receivers)}')
        return
    path = [name]
    while fallback and fallback in receivers:
        if fallback in path:
            if fallback == name:
                table.wrong("fallback", f"goes round in a circle: {' → '.join([*path, name])}")
            return
        path.append(fallback)
        fallback = receivers[fallback].fallback
