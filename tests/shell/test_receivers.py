"""One real daemon, many receivers: every chat, mail over STARTTLS, a fallback, tests and dead letters."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import vendors
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from daemon import Make, cli, feeding
from inbox import Inbox

CHATS = ("slack", "teams", "discord", "mattermost", "ntfy", "pagerduty", "webhook-alertmanager")
RULES = """
[rules.level]
title = "Level of {host} <!here> @everyone"
signal = "level"
links = { runbook = "https://wiki.example/level" }
[rules.level.seconds]
above = 10
notify = [NAMES]
"""
PASSWORD = "open sesame"  # noqa: S105  # the test's own


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


class Postbox:
    """Keeps what an SMTP server is given; `refuse` makes it answer that instead."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuse = ""
        self.encrypted: list[bool] = []

    async def handle_DATA(  # noqa: N802  # the name that aiosmtpd looks for
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.refuse:
            return self.refuse
        self.encrypted.append(session.ssl is not None)
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 OK"


def _let_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=(data.login, data.password) == (b"rtmd", PASSWORD.encode()), handled=False)


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Controller, Postbox]]:
    """A server that takes mail after STARTTLS and a login only; its certificate is trusted by what is started."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names], check=True, capture_output=True, timeout=30)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    postbox = Postbox()
    controller = Controller(
        postbox,
        hostname="127.0.0.1",
        port=_free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=_let_in,
    )
    controller.start()
    try:
        yield controller, postbox
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def email_config(port: int, more: str = "") -> str:
    return f"""
[receivers.mail]
kind = "email"
host = "127.0.0.1"
port = {port}
user = "rtmd"
password = "{PASSWORD}"
from = "rtmd@example.org"
to = ["ana@example.org"]
{more}
"""


def posted(inbox: Inbox, name: str, kind: str, more: str = "") -> str:
    return f'[receivers.{name}]\nkind = "{kind}"\nurl = "{inbox.url("/" + name)}"\ntimeout = "2s"\n{more}\n'


def chats(inbox: Inbox) -> str:
    tables = [posted(inbox, chat, chat) for chat in CHATS[:5]]
    tables.append(posted(inbox, "pagerduty", "pagerduty", 'key = "k1"'))
    return "".join([*tables, posted(inbox, "webhook-alertmanager", "webhook", 'format = "alertmanager"')])


def rules(*names: str) -> Mapping[str, str]:
    return {"r.toml": RULES.replace("NAMES", ", ".join(f'"{name}"' for name in names))}


def many_rules(count: int, *names: str) -> Mapping[str, str]:
    """As many rules, and so as many messages: the alerts of one are told together."""
    (text,) = rules(*names).values()
    one = text.replace('signal = "level"', "signal = 'level{n=\"0\"}'")
    return {f"r{n}.toml": one.replace("rules.level", f"rules.level-{n}").replace('"0"', f'"{n}"') for n in range(count)}


def level(value: float, **labels: str) -> dict[str, object]:
    return {"metric": "level", "value": value, "labels": {"host": "a*b_c", **labels}}


def test_every_kind_is_told_in_its_own_format_that_it_fires_and_that_it_is_over(
    make: Make, inbox: Inbox, mail: tuple[Controller, Postbox]
) -> None:
    controller, postbox = mail
    signed = posted(inbox, "signed", "webhook", 'secret = ["new", "old"]')
    config = 'lang = "fr"\nzone = "Europe/Paris"\n' + chats(inbox) + signed + email_config(controller.port)
    rtmd = make(config, rules(*CHATS, "signed", "mail")).start()
    with feeding(rtmd, level(99)):
        for chat in CHATS:
            request = inbox.wait(f"/{chat}")
            vendors.CHECKS[chat](request.body, request.headers)
        rtmd.until("the mail", lambda: postbox.mails)
    with feeding(rtmd, level(1)):
        rtmd.until("all of them know", lambda: all(len(inbox.received[f"/{chat}"]) == 2 for chat in CHATS))
        rtmd.until("the second mail", lambda: len(postbox.mails) == 2)
    for chat in CHATS:
        vendors.CHECKS[chat](inbox.received[f"/{chat}"][1].body, inbox.received[f"/{chat}"][1].headers)
    assert "À voir" in json.loads(inbox.received["/slack"][0].body)["text"]
    assert "Terminé" in json.loads(inbox.received["/slack"][1].body)["text"]
    events = [json.loads(each.body) for each in inbox.received["/pagerduty"]]
    assert [event["event_action"] for event in events] == ["trigger", "resolve"]
    assert events[0]["dedup_key"] == events[1]["dedup_key"]

    first, last = (message_from_bytes(each, policy=policy.default) for each in postbox.mails)
    assert postbox.encrypted == [True, True]
    assert last["References"] == first["Message-ID"]
    assert "À voir" in first["Subject"]

    request = inbox.wait("/signed")
    text = f"{request.headers['X-Rtmd-Timestamp']}.{request.headers['Idempotency-Key']}.".encode() + request.body
    digests = [hmac.new(secret, text, hashlib.sha256).hexdigest() for secret in (b"new", b"old")]
    assert request.headers["X-Rtmd-Signature"] == ",".join(f"v1={digest}" for digest in digests)


def test_mail_is_never_sent_in_the_open_or_with_a_wrong_password(
    tmp_path: Path, mail: tuple[Controller, Postbox]
) -> None:
    controller, postbox = mail
    path = tmp_path / "rtmd.toml"
    path.write_text(email_config(controller.port).replace(PASSWORD, "wrong"))
    refused = cli(tmp_path, "receivers", "test", "mail", "--config", str(path))
    assert refused.returncode == 1
    assert "answered 535" in refused.stderr
    assert "would not be tried again" in refused.stderr
    path.write_text(email_config(controller.port))
    assert cli(tmp_path, "receivers", "test", "mail", "--config", str(path)).stdout == "mail: delivered\n"
    plain = Controller(postbox, hostname="127.0.0.1", port=_free_port())
    plain.start()
    try:
        path.write_text(email_config(plain.port))
        open_ = cli(tmp_path, "receivers", "test", "mail", "--config", str(path))
    finally:
        plain.stop()
    assert open_.returncode == 1
    assert "STARTTLS" in open_.stderr
    assert len(postbox.mails) == 1
    with pytest.raises(smtplib.SMTPException), smtplib.SMTP("127.0.0.1", controller.port) as client:
        client.sendmail("a@example.org", ["b@example.org"], "in the open")


def test_one_receiver_that_hangs_delays_no_other(make: Make, inbox: Inbox) -> None:
    hanging = [f"hangs{n}" for n in range(8)]
    for name in hanging:
        inbox.answers[f"/{name}"] = 0
    config = "".join(posted(inbox, name, "webhook", 'storm = "off"').replace("2s", "60s") for name in hanging) + posted(
        inbox, "desk", "webhook", 'storm = "off"'
    )
    rtmd = make(config, many_rules(40, *hanging, "desk")).start()
    many = [level(99, n=str(n)) for n in range(40)]
    with feeding(rtmd, *many, every=1.0):
        rtmd.until("the desk was told everything", lambda: len(inbox.received["/desk"]) >= 40)
        busy = {name: len(inbox.received[f"/{name}"]) for name in hanging}
    assert all(0 < count <= 16 for count in busy.values()), busy


def test_what_a_receiver_cannot_be_told_its_fallback_is_also_that_it_is_over(make: Make, inbox: Inbox) -> None:
    inbox.answers["/pager"] = 410
    config = posted(inbox, "pager", "webhook", 'fallback = "desk"') + posted(inbox, "desk", "webhook")
    rtmd = make(config, rules("pager")).start()
    with feeding(rtmd, level(99)):
        told = json.loads(inbox.wait("/desk").body)
        rtmd.until("that is written down", lambda: rtmd.client.status().outbox == 0)
    assert (told["instead_of"], told["because"]) == ("pager", "127.0.0.1: answered 410")
    rtmd.kill()
    rtmd.start()
    with feeding(rtmd, level(1)):
        inbox.wait("/desk", lambda each: json.loads(each.body)["status"] == "resolved")
    rtmd.until("the outbox is empty", lambda: rtmd.client.status().outbox == 0)
    messages = [json.loads(each.body)["alerts"][0]["message"] for each in inbox.received["/desk"]]
    assert messages == ["firing", "resolved"]


def test_dead_letters_are_listed_and_delivered_when_somebody_asks_for_it(make: Make, inbox: Inbox) -> None:
    inbox.answers["/desk"] = 404
    rtmd = make(posted(inbox, "desk", "webhook"), rules("desk")).start()
    with feeding(rtmd, level(99)):
        rtmd.until("a dead letter", lambda: rtmd.client.status().dead_letters == 1)
        [letter] = rtmd.client.outbox().dead
        assert (letter.receiver, letter.error) == ("desk", "127.0.0.1: answered 404")
        shown = cli(rtmd.folder, "outbox", "list", "--connect", str(rtmd.socket)).stdout
        assert letter.key in shown
        nobody = cli(rtmd.folder, "outbox", "retry", "none", "--connect", str(rtmd.socket))
        assert (nobody.returncode, "no such dead letter" in nobody.stderr) == (1, True)
        inbox.answers.clear()
        inbox.received.clear()
        again = cli(rtmd.folder, "outbox", "retry", letter.key, "--connect", str(rtmd.socket))
        assert again.stdout == "1 on their way again.\n"
        request = inbox.wait("/desk")
    assert request.headers["Idempotency-Key"] == letter.key
    rtmd.until("nothing is left", lambda: rtmd.client.status().dead_letters == rtmd.client.status().outbox == 0)


def test_a_receiver_is_tried_out_through_the_running_daemon_or_without_one(make: Make, inbox: Inbox) -> None:
    config = posted(inbox, "slack", "slack") + posted(inbox, "pagerduty", "pagerduty", 'key = "k"')
    rtmd = make(config, rules("slack")).start()
    connect = ("--connect", str(rtmd.socket))
    tried = cli(rtmd.folder, "receivers", "test", "slack", *connect)
    assert (tried.returncode, tried.stdout) == (0, "slack: delivered\n")
    assert json.loads(inbox.wait("/slack").body)["text"] == "Test: rtmd → slack"
    assert cli(rtmd.folder, "receivers", "test", "pagerduty", *connect).returncode == 0
    assert [json.loads(each.body)["event_action"] for each in inbox.received["/pagerduty"]] == ["trigger", "resolve"]
    inbox.answers["/slack"] = 503
    failed = cli(rtmd.folder, "receivers", "test", "slack", *connect)
    assert (failed.returncode, failed.stderr) == (1, "slack: 127.0.0.1: answered 503 (it would be tried again)\n")
    assert cli(rtmd.folder, "receivers", "test", "slak", *connect).returncode == 1
    assert "open" not in cli(rtmd.folder, "receivers", "list", *connect).stdout
    inbox.answers.clear()
    rtmd.terminate()
    direct = cli(rtmd.folder, "receivers", "test", "slack", "--config", "rtmd.toml")
    assert (direct.returncode, direct.stdout) == (0, "slack: delivered\n")


def test_the_heartbeat_goes_out_while_all_is_well(make: Make, inbox: Inbox) -> None:
    rtmd = make("", rules("log"))
    text = (rtmd.folder / "rtmd.toml").read_text()
    (rtmd.folder / "rtmd.toml").write_text(
        text.replace("[daemon]", f'[daemon]\nheartbeat = "{inbox.url("/ping")}"\nheartbeat_every = "1s"')
    )
    rtmd.start()
    rtmd.until("two pings", lambda: len(inbox.received["/ping"]) >= 2)
    assert inbox.received["/ping"][0].method == "GET"


def test_the_state_of_circuits_is_shown(make: Make, inbox: Inbox) -> None:
    inbox.answers["/desk"] = 503
    rtmd = make(posted(inbox, "desk", "webhook"), many_rules(8, "desk")).start()
    with feeding(rtmd, *(level(99, n=str(n)) for n in range(8))):
        rtmd.until(
            "the circuit is open",
            lambda: (
                'rtmd_receiver_circuit{receiver="desk"}' in rtmd.client.metrics()
                and rtmd.client.metrics()['rtmd_receiver_circuit{receiver="desk"}'] > 0
            ),
            within=40,
        )
    [desk, _] = rtmd.client.receivers()
    assert (desk.name, desk.kind, desk.waiting, desk.trouble) == ("desk", "webhook", 8, "127.0.0.1: answered 503")
    assert any("circuit" in notice for notice in rtmd.client.status().notices)
