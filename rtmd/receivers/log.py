"""The receiver that is always there: one line a firing in the daemon's log, safe to print."""

from __future__ import annotations

import logging

from rtmd.model.display import safe
from rtmd.model.labels import show
from rtmd.model.reaction import Notification, Told
from rtmd.model.rule import Severity
from rtmd.receivers.body import alert_summary, summary

_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


class LogSink:
    """Writes to the logger `rtmd.notify`, at the level that fits the severity (resolved: INFO); never fails."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._log = logging.getLogger("rtmd.notify")

    def __repr__(self) -> str:
        return f"<LogSink {self.name}>"

    async def send(self, notification: Notification) -> None:
        """Write a line for each firing that it has news of, with the fields rule, instance and firing; or a summary."""
        if notification.digest is not None:
            self._log.log(_LEVELS[notification.severity], "%s", safe(summary(notification)))
            return
        for alert in notification.alerts:
            firing = alert.firing
            level = logging.INFO if alert.told is Told.RESOLVED else _LEVELS[firing.severity]
            fields = {"rule": safe(firing.rule), "instance": safe(show(firing.labels)), "firing": firing.id}
            self._log.log(level, "%s", safe(alert_summary(alert, notification.at)), extra=fields)
