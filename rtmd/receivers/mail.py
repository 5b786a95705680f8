"""E-mail: plain text with a minimal HTML twin, sent by smtplib in threads of the receiver's own.

A firing is one thread: its first message has an id made of the firing's, all others refer to it. The id of a message
is made of its key, so that a mail that is sent twice (after a crash) is the same mail to programs that look.

Encryption is never given up on: a server that does not offer STARTTLS when it was asked for is sent nothing. Errors:
SMTP codes of 5xx and refused logins will not get better by themselves; 4xx and trouble on the way may.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import smtplib
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape as html_escape

from rtmd.config import EmailReceiver, Security
from rtmd.errors import DeliveryError, PermanentError, RetryableError
from rtmd.model.display import safe
from rtmd.model.reaction import Notification
from rtmd.model.rule import Severity
from rtmd.receivers.body import notification_body
from rtmd.receivers.escapes import plain
from rtmd.receivers.fit import clip, colour
from rtmd.receivers.said import Part, Said, Voice

_SUBJECT = 200
_THREADS = 4  # mails under way to one server
_REFUSED = range(500, 600)

_log = logging.getLogger(__name__)


class Email:
    """An e-mail receiver; `send` raises RetryableError or PermanentError."""

    def __init__(self, config: EmailReceiver, voice: Voice) -> None:
        self.name = config.name
        self._config = config
        self._voice = voice
        self._threads = asyncio.Semaphore(_THREADS)

    def __repr__(self) -> str:
        return f"<Email {self.name} → {self._config.host}>"

    async def send(self, notification: Notification) -> None:
        """Send one mail; returns when the server took it."""
        body = notification_body(notification)
        text = self._voice.say(notification, body, plain)
        mail = compose(notification, text, self._voice.say(notification, body, html_escape), self._config)
        try:
            async with self._threads, asyncio.timeout(self._config.timeout / 1000):
                await _in_a_thread(lambda: self._deliver(mail))
        except TimeoutError:
            raise RetryableError(f"{self._config.host}: no answer within {self._config.timeout / 1000:g} s") from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._failure(error) from None

    def _deliver(self, mail: EmailMessage) -> None:
        config = self._config
        context = ssl.create_default_context()
        seconds = config.timeout / 1000
        if config.security is Security.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(config.host, config.port, timeout=seconds, context=context)
        else:
            server = smtplib.SMTP(config.host, config.port, timeout=seconds)
        with server:
            if config.security is Security.STARTTLS:
                server.starttls(context=context)
            if config.user:
                server.login(config.user, config.password)
            refused = server.send_message(mail)
        for address in refused:
            _log.warning("receiver %s: %s refused %s", self.name, config.host, safe(address))

    def _failure(self, error: smtplib.SMTPException | OSError) -> DeliveryError:
        where = self._config.host
        match error:
            case smtplib.SMTPNotSupportedError():
                return PermanentError(f"{where}: {safe(str(error), 200)}")
            case smtplib.SMTPRecipientsRefused(recipients=recipients):
                codes = [code for code, _ in recipients.values()]
                problem = f"{where}: refused every recipient ({min(codes)})"
                return PermanentError(problem) if all(code in _REFUSED for code in codes) else RetryableError(problem)
            case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
                text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
                problem = f"{where}: answered {code} {safe(text, 200)}"
                return PermanentError(problem) if code in _REFUSED else RetryableError(problem)
            case _:
                return RetryableError(f"{where}: {type(error).__name__}: {safe(str(error), 200)}")


async def _in_a_thread(work: Callable[[], None]) -> None:
    """Run it in a thread of its own that nobody has to wait for.

    A pool would be shared with others that a hanging server must not hold up, or be waited for at the end.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def conclude(error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work()
        except Exception as failed:  # noqa: BLE001  # it is raised where it is waited for
            error = failed
        with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(conclude, error)

    threading.Thread(target=run, daemon=True, name="mail").start()
    await done


def compose(message: Notification, text: Said, html: Said, config: EmailReceiver) -> EmailMessage:
    """The mail: `text` in words as they are, `html` escaped for HTML."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = clip(text.title, _SUBJECT)
    mail["From"] = Address(display_name="rtmd", addr_spec=config.sender)
    mail["To"] = ", ".join(config.to)
    mail["Date"] = datetime.fromtimestamp(message.at / 1000, UTC)
    domain = config.sender.rpartition("@")[2]
    before = [_id(alert.firing.id, message.receiver, domain) for alert in message.alerts if alert.seq > 1]
    first = message.alerts[0]
    mail["Message-ID"] = _id(message.key if first.seq > 1 else first.firing.id, message.receiver, domain)
    if before:
        mail["In-Reply-To"] = before[0]
        mail["References"] = " ".join(before)
    mail["Auto-Submitted"] = "auto-generated"
    if message.severity is Severity.CRITICAL and not message.resolved:
        mail["Importance"] = "high"
    mail.set_content(text.plain() + "\n")
    mail.add_alternative(_page(message, html), subtype="html")
    return mail


def _id(name: str, receiver: str, domain: str) -> str:
    # Hashed: a firing's id and a receiver's name may be of any shape, the inside of <…> may not.
    return f"<{hashlib.sha256(f'{receiver}/{name}'.encode()).hexdigest()[:32]}@{domain}>"


def _page(message: Notification, said: Said) -> str:
    shade = f"#{colour(message):06x}"
    parts = [f"<h2 style='border-left:6px solid {shade};padding-left:8px;margin:0'>{said.title}</h2>"]
    parts += [f"<p><em>{note}</em></p>" for note in said.notes]
    if said.text is not None:
        parts.append(f"<p style='white-space:pre-wrap'>{said.text}</p>")
    else:
        parts += [_section(part, said) for part in said.parts]
    return "<!doctype html>\n<html><body style='font-family:sans-serif'>\n" + "\n".join(parts) + "\n</body></html>\n"


def _section(part: Part, said: Said) -> str:
    lines = [f"<p>{part.lead}</p>"] if part.lead else []
    rows = (f"<tr><th style='text-align:left'>{name}</th><td>{value}</td></tr>" for name, value in part.facts)
    lines.append(f"<table cellpadding='4'>{''.join(rows)}</table>")
    for quote in part.quotes:
        by = f"<a href='{html_escape(quote.url)}'>{quote.by or 'link'}</a>" if quote.url else quote.by
        lines.append(f"<blockquote>{quote.text}<br>{by}</blockquote>")
    links = " · ".join(f"<a href='{html_escape(url)}'>{name}</a>" for name, url in part.links)
    lines += [f"<p>{links}</p>"] if links else []
    lines += [f"<p>{said.take}{said.colon}<code>{html_escape(part.command)}</code></p>"] if part.command else []
    return "\n".join(lines)
