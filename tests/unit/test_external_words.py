"""An alert that others raised, in messages and bodies: their words, made safe."""

from __future__ import annotations

from fakes_receivers import AT, MENTIONS, told, voice

from rtmd.alerting.words import resolution
from rtmd.model.external import Origin
from rtmd.model.firing import StageRecord, StageState
from rtmd.model.reaction import Told
from rtmd.model.replace import replace
from rtmd.model.rule import StageName
from rtmd.receivers.alertmanager import generator, notes
from rtmd.receivers.body import notification_body, summary
from rtmd.receivers.escapes import plain

SAID = (("description", "for 5m\n\x1b[31m<b>"), ("runbook_url", "https://wiki.example/disk"), ("summary", "full"))
ORIGIN = Origin("prom", AT - 60_000, AT + 1, timeout=False, updated_at=AT, annotations=SAID, url="javascript:alert(1)")
FIRING = replace(
    MENTIONS,
    rule="DiskFull",
    labels=(("alertname", "DiskFull"), ("host", "db-1")),
    extra_labels=(),
    title="full",
    stages=(StageRecord(StageName.MINUTES, StageState.FIRING),),
    active_at=AT - 60_000,
    fired_at=AT,
    unit="",
    threshold="",
    origin=ORIGIN,
)


def test_a_message_has_its_senders_words_and_since_when_they_say_it_is_so() -> None:
    message = told(FIRING, Told.FIRING)
    (part,) = voice().say(message, notification_body(message), plain).parts
    first, *described = part.lead.splitlines()
    assert first.startswith("This has lasted.")
    assert described[0] == "for 5m"
    assert "\x1b" not in part.lead
    facts = dict(part.facts)
    assert (facts["Where"], facts["Since"].endswith("for 60 s")) == ("host=db-1", True)
    assert "Value" not in facts
    assert summary(message).startswith("full: firing in minutes, since ")


def test_its_end_says_how_long_it_was_and_judges_nothing() -> None:
    assert resolution(replace(FIRING, resolved_at=AT, reason="prom says it is over")) == (
        "prom says it is over; after 60s"
    )


def test_an_alertmanager_is_sent_what_was_posted_and_no_link_that_acts() -> None:
    alert = notes(told(FIRING, Told.FIRING).alerts[0], "title", "text")
    assert (alert["summary"], alert["stage"], alert["runbook_url"]) == ("full", "minutes", "https://wiki.example/disk")
    assert alert["description"].startswith("for 5m\n")
    assert "\x1b" not in alert["description"]
    assert generator(FIRING) == ""
