"""`[receivers.NAME]`: every kind and key, mistakes at their place."""

from __future__ import annotations

import pytest
from fakes_config import SECRET, load, problems_of

from rtmd.config import (
    AlertmanagerReceiver,
    Chat,
    ChatReceiver,
    EmailReceiver,
    Lang,
    LogReceiver,
    NtfyReceiver,
    PagerDutyReceiver,
    Security,
    WebhookFormat,
    WebhookReceiver,
    Wording,
)
from rtmd.config.template import Template
from rtmd.model.replace import replace


def test_every_kind_of_receiver_can_be_said() -> None:
    config = load("""
[daemon]
lang = "fr"
zone = "Europe/Paris"
heartbeat = "https://hc.example/${cred:hook}"
[receivers.slack]
url = "https://hooks.example/s"
fallback = "mail"
fallback_after = "30s"
lang = "en"
zone = "UTC"
title = "{{ summary }}"
[receivers.room]
kind = "teams"
url = "https://hooks.example/t"
[receivers.signed]
kind = "webhook"
url = "https://hooks.example/w"
format = "alertmanager"
secret = ["${cred:hook}", "old"]
[receivers.ntfy]
url = "https://ntfy.example/topic"
token = "${cred:hook}"
tags = ["desk"]
[receivers.pagerduty]
key = "${cred:hook}"
[receivers.alertmanager]
url = "http://127.0.0.1:9093"
resend = "30s"
[receivers.mail]
kind = "email"
host = "mail.example"
security = "tls"
user = "rtmd"
password = "${cred:hook}"
from = "rtmd@example.org"
to = ["ana@example.org"]
""")
    french = Wording(lang=Lang.FR, zone="Europe/Paris")
    slack = ChatReceiver("slack", Chat.SLACK, "https://hooks.example/s", fallback="mail", fallback_after=30_000)
    signed = WebhookReceiver("signed", "https://hooks.example/w", secrets=(SECRET, "old"), wording=french)
    mail = EmailReceiver("mail", "mail.example", "rtmd@example.org", ("ana@example.org",), port=465, wording=french)
    assert config.receivers == {
        "log": LogReceiver("log", wording=french),
        "slack": replace(slack, wording=Wording(title=Template("{{ summary }}"))),
        "room": ChatReceiver("room", Chat.TEAMS, "https://hooks.example/t", wording=french),
        "signed": replace(signed, format=WebhookFormat.ALERTMANAGER),
        "ntfy": NtfyReceiver("ntfy", "https://ntfy.example/topic", token=SECRET, tags=("desk",), wording=french),
        "pagerduty": PagerDutyReceiver("pagerduty", SECRET, wording=french),
        "alertmanager": AlertmanagerReceiver("alertmanager", "http://127.0.0.1:9093", resend=30_000, wording=french),
        "mail": replace(mail, security=Security.TLS, user="rtmd", password=SECRET),
    }
    assert config.daemon.heartbeat == f"https://hc.example/{SECRET}"
    assert SECRET not in repr(config)


def test_a_circle_of_fallbacks_is_told_to_each_who_is_in_it() -> None:
    one = "[receivers.{}]\nkind = 'slack'\nurl = 'https://x'\nfallback = '{}'\n"
    assert problems_of(one.format("a", "b") + one.format("b", "c") + one.format("c", "b")) == [
        "8:12: receivers.b.fallback goes round in a circle: b → c → b",
        "12:12: receivers.c.fallback goes round in a circle: c → b → c",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[receivers.slack]", "1:12: receivers.slack: url is missing"),
        ("[receivers.slak]", '1:12: receivers.slak.kind must be one of "log", "webhook", "command", "slack", '),
        ("[receivers.x]\nkind = 'slak'", "2:1: receivers.x.kind must be one of"),
        ("[receivers.x]\nkind = 'log'\nfallback = 'log'", "3:1: receivers.x.fallback is not known"),
        (
            "[receivers.slack]\nurl = 'https://x'\nheaders = {}",
            "3:1: receivers.slack.headers is not supported yet",
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\ntitel = 'x'",
            '3:1: receivers.slack.titel is not known: did you mean "title"',
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\ntitle = ''",
            "3:9: receivers.slack.title must not be empty",
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\ntitle = 1",
            "3:9: receivers.slack.title must be text in quotes",
        ),
        (
            '[receivers.slack]\nurl = \'https://x\'\ntext = """\none\n{{ two\n"""',
            "5:1: receivers.slack.text cannot be used: unexpected",
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\ntitle = '{{ summary | uper }}'",
            "3:10: receivers.slack.title cannot be used: filter uper is unknown",
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\ntext = \"{% include 'passwd' %}\"",
            "3:9: receivers.slack.text cannot be used: tried to include",
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\nfallback = 'lg'",
            '3:12: receivers.slack.fallback names "lg", which does not exist: did you mean "log"?',
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\nfallback = 'slack'",
            "3:12: receivers.slack.fallback goes round in a circle: slack → slack",
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\nfallback_after = '1m'",
            "3:1: receivers.slack.fallback_after has no fallback to go with it",
        ),
        (
            "[receivers.slack]\nurl = 'https://x'\nstorm = 0",
            "3:9: receivers.slack.storm must be between 1 and",
        ),
        (
            "[receivers.webhook]\nurl = 'https://x'\nformat = 'alert'",
            "3:10: receivers.webhook.format must be one of",
        ),
        (
            "[receivers.webhook]\nurl = 'https://x'\nsecret = ['a', 'b', 'c']",
            "3:10: receivers.webhook.secret must be one secret, or two",
        ),
        (
            "[receivers.webhook]\nurl = 'https://x'\nsecret = '${cred:none}'",
            '3:10: receivers.webhook.secret asks for the credential "none": no such file',
        ),
        (
            "[receivers.webhook]\nurl = 'https://x'\nsecret = ''",
            "3:10: receivers.webhook.secret must not be empty",
        ),
        (
            "[receivers.pagerduty]",
            "1:12: receivers.pagerduty: key is missing",
        ),
        (
            "[receivers.ntfy]\nurl = 'https://x/y'\ntags = ['a,b']",
            "3:8: receivers.ntfy.tags must be plain words",
        ),
        (
            "[receivers.alertmanager]\nurl = 'http://x'\nresend = '1ms'",
            "3:10: receivers.alertmanager.resend must be at least",
        ),
        (
            "[receivers.email]\nfrom = 'a@b.example'\nto = ['c@d.example']",
            "1:12: receivers.email: host is missing",
        ),
        (
            "[receivers.email]\nhost = 'x'\nfrom = 'a@b.example'\nto = ['Ann <a@b>']",
            "4:6: receivers.email.to must be an address like desk@example.org",
        ),
        (
            "[receivers.email]\nhost = 'x'\nfrom = 'a@b.example'\nto = ['c@d.example']\nuser = 'u'",
            "1:12: receivers.email: user and password go together",
        ),
        (
            "[receivers.email]\nhost='x'\nfrom='a@b.ex'\nto=['c@d.ex']\nuser='u'\npassword='p'\nsecurity='none'",
            "7:10: receivers.email.security would send the password in the open",
        ),
    ],
)
def test_mistakes_are_named_at_their_place(text: str, problem: str) -> None:
    (found,) = problems_of(text)
    assert found.startswith(problem)
