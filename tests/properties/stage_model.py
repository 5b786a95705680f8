"""A stage as a model written for clarity: one instance, plain if and else, no arrays (semantics S1, S3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rtmd.model.firing import StageRecord, StageState

Reading: TypeAlias = float | Literal["filtered", "gap", "stale"]

UNFED_AFTER = 300_000
LOST_AFTER = 24 * 3_600_000


@dataclass
class Plan:
    """The keys of a stage."""

    above: bool  # above 10, or below 10
    clear: float | None
    hold: int
    count: int
    of: int
    keep: int
    no_data: str
    grid: int = 5_000

    def rule(self) -> str:
        held = f"{{ count = {self.count}, of = {self.of} }}" if self.count else f"'{self.hold}ms'"
        clear = "" if self.clear is None else f"clear = {self.clear}\n"
        return (
            f"[rules.r]\nsignal = 'avg_over_time(m[$window]) > 0'\nno_data = '{self.no_data}'\n[rules.r.minutes]\n"
            f"window = '5s'\nrecent = 'off'\ncoverage = 0\n{'above' if self.above else 'below'} = 10\n{clear}"
            f"for = {held}\nkeep = '{self.keep}ms'\nevery = '{self.grid}ms'\n"
        )

    def met(self, value: float) -> bool:
        return value > 10 if self.above else value < 10

    def clears(self, value: float) -> bool:
        if self.clear is None:
            return not self.met(value)
        return value <= self.clear if self.above else value >= self.clear


@dataclass
class Model:
    """One stage of one instance."""

    plan: Plan
    state: StageState = StageState.INACTIVE
    active_at: int = 0
    keep_since: int = 0
    past: list[bool] = field(default_factory=list)
    last_sample: int = 0
    ended_by_marker: bool = False
    unfed_since: int = 0

    def holds(self, clock: StageRecord) -> bool:
        """Whether the engine's clock says the same; one that stands still is moved on when it goes on."""
        if clock.state is not self.state or bool(clock.unfed_since) is not (self.unfed and clock.state.burning):
            return False
        if clock.state is StageState.PENDING and clock.still_since is None:
            return clock.active_at == self.active_at
        if clock.state is StageState.RECOVERING and clock.still_since is None:
            return clock.keep_since == self.keep_since
        return True

    @property
    def unfed(self) -> bool:
        """Flagged so; what counts as zero never is."""
        return bool(self.unfed_since) and self.plan.no_data != "zero"

    def see(self, reading: Reading, at: int) -> None:
        """One grid point."""
        if reading != "gap":
            self.last_sample, self.ended_by_marker = at - 1_000, reading == "stale"
        unfed = self.ended_by_marker or at - self.last_sample >= UNFED_AFTER
        self.unfed_since = (self.unfed_since or at) if unfed else 0
        if reading in ("gap", "stale"):
            self.see_nothing(at, unfed=unfed)
        elif reading == "filtered":
            self.judge(at, met=False, clear=True)
        else:
            assert isinstance(reading, float)
            self.judge(at, met=self.plan.met(reading), clear=self.plan.clears(reading))

    def see_nothing(self, at: int, *, unfed: bool) -> None:
        """Frozen: clocks stand still. Unfed: pending is dropped, the rest is up to `no_data`."""
        if unfed and self.plan.no_data == "zero":
            self.judge(at, met=self.plan.met(0.0), clear=self.plan.clears(0.0))
            return
        if self.plan.no_data == "resolve" and (self.plan.keep or not unfed):  # no result: false, as in Prometheus
            self.judge(at, met=False, clear=True)
            if unfed and (self.state is StageState.PENDING or at - self.unfed_since >= LOST_AFTER):
                self.state = StageState.INACTIVE
            return
        if self.state is StageState.PENDING:
            self.active_at += self.plan.grid
        if self.state is StageState.RECOVERING:
            self.keep_since += self.plan.grid
        lost = self.plan.no_data == "resolve" or at - self.unfed_since >= LOST_AFTER
        if unfed and (lost or self.state is StageState.PENDING):
            self.state = StageState.INACTIVE

    def judge(self, at: int, *, met: bool, clear: bool) -> None:
        self.past = [*self.past, met][-64:]
        if self.state is StageState.INACTIVE and met:
            self.state, self.active_at = StageState.PENDING, at
        if self.state is StageState.PENDING:
            if met and self.held(at):
                self.state = StageState.FIRING
            elif not met and not self.collecting():
                self.state = StageState.INACTIVE
        elif self.state is StageState.FIRING and not met:
            self.keep_since = at
            self.state = StageState.RECOVERING
            self.recover(at, clear=clear)
        elif self.state is StageState.RECOVERING:
            if met:
                self.state = StageState.FIRING
            else:
                self.recover(at, clear=clear)

    def recover(self, at: int, *, clear: bool) -> None:
        if clear and at - self.keep_since >= self.plan.keep:
            self.state = StageState.INACTIVE

    def held(self, at: int) -> bool:
        if self.plan.count:
            return sum(self.past[-self.plan.of :]) >= self.plan.count
        return at - self.active_at >= self.plan.hold

    def collecting(self) -> bool:
        """M of N with M < N: a false grid point is forgiven while a true one is remembered."""
        return self.plan.of > self.plan.count > 0 and any(self.past[-self.plan.of :])
