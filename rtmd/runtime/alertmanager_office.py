"""The daemon as Alertmanager's clients see it: `rtmd.api.desk.AlertmanagerDesk`, answered from the pipeline."""

from __future__ import annotations

from rtmd.model.policy import Policy
from rtmd.model.silence import Silence
from rtmd.model.standing import Standing, StandingGroup
from rtmd.pipeline.standing_views import standing_groups, standings
from rtmd.runtime.loop import StepLoop


class AlertmanagerOffice:
    """Implements `AlertmanagerDesk`."""

    def __init__(self, loop: StepLoop) -> None:
        self._loop = loop
        self._clock = loop.storage.clock

    def __repr__(self) -> str:
        return f"<AlertmanagerOffice over {self._loop!r}>"

    def alerts(self) -> list[Standing]:
        """All open firings but those of rules in shadow."""
        return standings(self._loop.pipeline, self._clock.now())

    def groups(self) -> list[StandingGroup]:
        """The groups they are told in."""
        return standing_groups(self._loop.pipeline, self._clock.now())

    def silences(self) -> list[Silence]:
        """All silences that are remembered."""
        return list(self._loop.pipeline.reactor.dispatch.silences)

    def policy(self) -> Policy:
        """Whom to tell and when."""
        return self._loop.pipeline.reactor.dispatch.policy
