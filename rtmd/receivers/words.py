"""The words of messages in English and French: tables, numbers, durations and times. Nothing here decides.

People read these on a phone at night. So a title begins with what is wanted of them, which differs by stage: at
`seconds` somebody should have a look, at `minutes` give an answer, at `hours` see a trend.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from msgspec import Struct

from rtmd.config import Lang
from rtmd.model.display import number
from rtmd.model.firing import Outcome
from rtmd.model.mark import MarkKind
from rtmd.model.reaction import RunState, StormPhase
from rtmd.model.rule import Kind, Severity, StageName

_UTC = timezone.utc  # noqa: UP017  # beside ZoneInfo it reads better
_FRACTION = re.compile(r"(?<=\d)\.(?=\d)")


class Words(Struct, frozen=True):
    """One language. Texts with `{…}` are filled in by `said`."""

    titles: Mapping[StageName, str]
    raised: str
    still: str
    flapping: str
    resolved: str
    test: str
    leads: Mapping[StageName, str]
    chances: Mapping[StageName, str]
    still_lead: str
    flapping_lead: str
    ending_lead: str
    escalated_lead: str
    resolved_lead: str
    test_lead: str
    fallback: str
    standing: str
    storms: Mapping[StormPhase | None, str]
    tally: str
    each_minute: str
    first: str
    most: str
    more: str
    stages: Mapping[StageName, str]
    severities: Mapping[Severity, str]
    outcomes: Mapping[Outcome, str]
    runs: Mapping[RunState, str]
    marks: Mapping[MarkKind, str]
    months: tuple[str, ...]
    stage: str
    where: str
    value: str
    peak: str
    threshold: str
    since: str
    no_data: str
    lasted: str
    before: str
    after: str
    so_far: str
    unconfirmed: str
    who: str
    had: str
    nobody: str
    until: str
    ran: str
    reach: str
    take: str
    days: str
    colon: str
    outside: str
    has_result: str


EN = Words(
    titles={StageName.SECONDS: "Look: {}", StageName.MINUTES: "Answer: {}", StageName.HOURS: "Trend: {}"},
    raised="Up to {stage}. {title}",
    still="Still firing: {}",
    flapping="Flapping: {}",
    resolved="Resolved: {}",
    test="Test: {}",
    leads={
        StageName.SECONDS: "Have a look. It has only just begun and may pass by itself.",
        StageName.MINUTES: "This has lasted. Somebody should answer now.",
        StageName.HOURS: "This has been going on for hours. It is a trend: plan for it.",
    },
    chances={
        StageName.SECONDS: "Have a look. It has only just begun and may be a chance.",
        StageName.MINUTES: "This has lasted. It is a chance to answer now.",
        StageName.HOURS: "This has been going on for hours. It is a trend: make something of it.",
    },
    still_lead="What kept it quiet is over, and it still fires.",
    escalated_lead="It fires, and nobody has it.",
    ending_lead="The silence ends soon, and it still fires.",
    flapping_lead="It comes and goes. You will be told when that is over, and nothing before.",
    resolved_lead="It is over, after {}.",
    test_lead="Somebody is trying out this receiver. Nothing is wrong, and nothing needs to be done.",
    fallback="Meant for {receiver}, which could not be told: {reason}",
    standing="Still firing beside it: {}.",
    storms={
        StormPhase.BEGINS: "Storm: {fired} fired, {ended} ended, first {first}",
        StormPhase.LASTS: "Storm goes on: {fired} fired, {new} of them new",
        StormPhase.OVER: "Storm over: {fired} fired, {firing} still do",
        None: "Still firing: {fired} alerts",
    },
    tally="{fired} fired since {moment}, {ended} ended. {firing} fire now.",
    each_minute="While this lasts you are told once a minute.",
    first="First: {}",
    most="Most: {}",
    more=" (and {} more)",
    stages={name: str(name) for name in StageName},
    severities={severity: str(severity) for severity in Severity},
    outcomes={outcome: str(outcome) for outcome in Outcome},
    runs={state: str(state) for state in RunState},
    marks={kind: str(kind).capitalize() for kind in MarkKind},
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    stage="Stage",
    where="Where",
    value="Value",
    peak="Peak",
    threshold="{value} (threshold {threshold})",
    since="Since",
    no_data="No data since",
    lasted="{moment}, for {length}",
    before="{kind} {length} before",
    after="{kind} {length} after",
    so_far="So far",
    unconfirmed="not confirmed",
    who="Who has it",
    had="Who had it",
    nobody="nobody yet",
    until="{who} until {moment}",
    ran="Ran",
    reach="reach {}",
    take="To take it",
    days="d",
    colon=": ",
    outside="outside",
    has_result="has a result",
)

FR = Words(
    titles={
        StageName.SECONDS: "À voir\u00a0: {}",
        StageName.MINUTES: "À traiter\u00a0: {}",
        StageName.HOURS: "Tendance\u00a0: {}",
    },
    raised="Passe à {stage}. {title}",
    still="Toujours actif\u00a0: {}",
    flapping="Instable\u00a0: {}",
    resolved="Terminé\u00a0: {}",
    test="Essai\u00a0: {}",
    leads={
        StageName.SECONDS: "Jetez un œil. Cela vient de commencer et passera peut-être tout seul.",
        StageName.MINUTES: "Cela dure. Quelqu’un devrait répondre maintenant.",
        StageName.HOURS: "Cela dure depuis des heures. C’est une tendance\u00a0: prévoyez la suite.",
    },
    chances={
        StageName.SECONDS: "Jetez un œil. Cela vient de commencer, c’est peut-être une occasion.",
        StageName.MINUTES: "Cela dure. C’est l’occasion de répondre maintenant.",
        StageName.HOURS: "Cela dure depuis des heures. C’est une tendance\u00a0: tirez-en parti.",
    },
    still_lead="Ce qui la faisait taire est fini, et l’alerte est toujours active.",
    escalated_lead="L’alerte est active, et personne ne s’en occupe.",
    ending_lead="Le silence prend bientôt fin, et l’alerte est toujours active.",
    flapping_lead="L’alerte va et vient. Vous serez prévenu quand ce sera fini, et pas avant.",
    resolved_lead="C’est terminé, après {}.",
    test_lead="Quelqu’un essaie ce destinataire. Tout va bien, il n’y a rien à faire.",
    fallback="Destiné à {receiver}, qui n’a pas pu être prévenu\u00a0: {reason}",
    standing="Toujours actifs à côté\u00a0: {}.",
    storms={
        StormPhase.BEGINS: "Avalanche\u00a0: {fired} alertes, {ended} terminées, d’abord {first}",
        StormPhase.LASTS: "L’avalanche continue\u00a0: {fired} alertes, dont {new} nouvelles",
        StormPhase.OVER: "Avalanche terminée\u00a0: {fired} alertes, dont {firing} toujours actives",
        None: "Toujours actives\u00a0: {fired} alertes",
    },
    tally="{fired} alertes depuis {moment}, {ended} terminées. {firing} sont actives.",
    each_minute="Tant que cela dure, vous recevez un message par minute.",
    first="La première\u00a0: {}",
    most="Les plus nombreuses\u00a0: {}",
    more=" (et {} de plus)",
    stages={StageName.SECONDS: "secondes", StageName.MINUTES: "minutes", StageName.HOURS: "heures"},
    severities={Severity.INFO: "information", Severity.WARNING: "attention", Severity.CRITICAL: "critique"},
    outcomes={
        Outcome.CONFIRMED: "confirmé",
        Outcome.FALSE_START: "faux départ",
        Outcome.HANDLED: "traité",
        Outcome.SUSTAINED: "persistant",
        Outcome.WITHIN: "inclus dans un palier plus long",
        Outcome.UNDECIDED: "indécis",
        Outcome.LOST: "données perdues",
    },
    runs={
        RunState.WAITING: "en attente",
        RunState.CALLED_OFF: "abandonné",
        RunState.STARTED: "lancé",
        RunState.DONE: "fait",
        RunState.FAILED: "échoué",
        RunState.UNKNOWN: "inconnu",
        RunState.UNDO_WAITING: "annulation en attente",
        RunState.UNDOING: "annulation en cours",
        RunState.UNDONE: "annulé",
        RunState.UNDO_FAILED: "annulation échouée",
        RunState.UNDO_UNKNOWN: "annulation inconnue",
    },
    marks={MarkKind.POST: "Publication", MarkKind.DEPLOY: "Déploiement", MarkKind.EVENT: "Événement"},
    months=("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
    stage="Palier",
    where="Où",
    value="Valeur",
    peak="Pic",
    threshold="{value} (seuil {threshold})",
    since="Depuis",
    no_data="Sans données depuis",
    lasted="{moment}, soit {length}",
    before="{kind} {length} avant",
    after="{kind} {length} après",
    so_far="Jusqu’ici",
    unconfirmed="non confirmé",
    who="Qui s’en charge",
    had="Qui s’en chargeait",
    nobody="personne encore",
    until="{who} jusqu’à {moment}",
    ran="Exécuté",
    reach="portée {}",
    take="Pour s’en charger",
    days="j",
    colon="\u00a0: ",
    outside="hors de",
    has_result="résultat présent",
)

WORDS: Mapping[Lang, Words] = {Lang.EN: EN, Lang.FR: FR}


def figure(value: float | None, words: Words) -> str:
    """A value as people of the language write it: `9 312`, `0.052` or `0,052`."""
    return _decimal(number(value), words)


def threshold(text: str, words: Words) -> str:
    """A threshold (`> 120`, `outside [0.1, 0.9]`) in the language."""
    if text.startswith("outside ["):
        bounds = text.removeprefix("outside [").removesuffix("]").split(", ")
        shown = ("; " if words is FR else ", ").join(_decimal(bound, words) for bound in bounds)
        return f"{words.outside} [{shown}]"
    return words.has_result if text == "has a result" else _decimal(text, words)


def _decimal(text: str, words: Words) -> str:
    return _FRACTION.sub(",", text) if words is FR else text


def length(milliseconds: int, words: Words) -> str:
    """A duration: `47 s`, `12 min`, `3 h 05 min`, `2 d 3 h`."""
    seconds = max(0, milliseconds) // 1000
    if seconds < 100:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(hours, 24)
    return f"{days} {words.days} {hours} h" if hours else f"{days} {words.days}"


def moment(at: int, seen: int, zone: str, words: Words) -> str:
    """A time as seen at `seen` (both ms): `09:48:00 (08:48 UTC)`; with its day where that is another one.

    Without a zone of its own it is UTC, and said to be.
    """
    there, then = _local(at, zone), _local(seen, zone)
    day = "" if there.date() == then.date() else f"{there.day} {words.months[there.month - 1]} "
    shown = f"{day}{there:%H:%M:%S}"
    return f"{shown} UTC" if zone == "UTC" else f"{shown} ({_local(at, 'UTC'):%H:%M} UTC)"


def _local(at: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at // 1000, _UTC if zone == "UTC" else ZoneInfo(zone))


def lead(kind: Kind, stage: StageName, words: Words) -> str:
    """What is wanted of people, by stage."""
    return (words.chances if kind is Kind.OPPORTUNITY else words.leads)[stage]
