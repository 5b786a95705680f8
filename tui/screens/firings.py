"""What can be done about a firing, on every screen that shows some: the verbs, and what they act on."""

from __future__ import annotations

from functools import partial

from rtmd.model.mark import MOST_LABELS
from rtmd.wire import FiringView
from rtmd.wire.actions import ProposalView
from tui.approval import Approval, waiting
from tui.copying import Copying, of_firing
from tui.decisions import about, decline
from tui.entry import Entry
from tui.screens.base import DeskScreen
from tui.silencing import DEFAULT, MOST_MARKED, PRESETS, open_strip
from tui.states import Condition, condition, is_open, stage_rank
from tui.view.line import lit

# A target that changed this short before a key was perhaps not the one that was meant.
SURPRISE = 250
MANY = 50  # firings that are taken without being asked again


class FiringScreen(DeskScreen):
    """A screen with a firing that keys act on."""

    def target(self) -> FiringView | None:
        """The firing that keys act on."""
        return None

    def targets(self) -> list[FiringView]:
        """What a mutation acts on: the target, or what is marked or grouped with it."""
        target = self.target()
        return [] if target is None else [target]

    def copies(self) -> Copying | None:
        """The firing's line, link, value, commands."""
        target = self.target()
        return None if target is None else of_firing(target, self.desk.now, self.desk.glyphs)

    def do_ack(self) -> None:
        """Take the firings; a second key when somebody else has the only one."""
        targets = self.targets()
        if not targets:
            return
        desk = self.desk
        desk.roster.touch(desk.clock())
        if len(targets) > 1:
            # Those that somebody has already are left to them.
            free = [one for one in targets if condition(one) is not Condition.ACKED]
            act = partial(desk.ack, free)
            if len(free) > MANY:
                self.ask(f"acknowledge {len(free)} firings?", act)
            else:
                self.run(act())
            return
        [target] = targets
        ack = target.ack
        if condition(target) is Condition.ACKED and ack is not None and ack.by != desk.picture.you:
            left = desk.now.until(ack.until)
            self.ask(f"{lit(ack.by, 40)} has it for {left} more: take over?", lambda: desk.ack(targets))
        elif self._surprised():
            self.ask(f"the row changed just now: acknowledge {lit(target.rule, 60)}?", lambda: desk.ack(targets))
        else:
            self.run(desk.ack(targets))

    def do_silence(self) -> None:
        """Open the strip."""
        targets = self.targets()
        if not targets:
            return
        desk = self.desk
        desk.roster.touch(desk.clock())
        if not any(map(is_open, targets)):
            desk.tell(f"{desk.glyphs.ok} already resolved: nothing to silence")
        elif len(targets) > 1 and not desk.roster.marks:
            top = max(targets, key=stage_rank)
            self.strip = open_strip(top, desk.picture.firings.values(), rule_wide=True)
        elif len(targets) > MOST_MARKED:
            desk.tell(f"{desk.glyphs.fails} {len(targets)} are marked: at most {MOST_MARKED} are silenced one by one")
        else:
            self.strip = open_strip(targets[0], desk.picture.firings.values(), others=targets[1:])

    def do_say_noise(self) -> None:
        """It was noise."""
        self._judge("noise")

    def do_say_real(self) -> None:
        """It was something real."""
        self._judge("real")

    def do_extend(self) -> None:
        """Longer, by what the stage takes for a silence."""
        self._extend(1)

    def do_shorten(self) -> None:
        """Shorter."""
        self._extend(-1)

    def proposals(self) -> list[ProposalView]:
        """What waits for a decision here, the first to expire first."""
        target = self.target()
        return [] if target is None else waiting(target.proposals)

    def do_approve(self) -> None:
        """Show what would run, and let it run at a second key."""
        desk, status = self.desk, self.desk.picture.status
        found = self.proposals()
        free = [each for each in found if each.state == "pending"]
        if status is not None and status.hold is not None:
            desk.tell(f"{desk.glyphs.fails} not approved: {lit(status.hold.by, 40)} holds all actions (H lifts)")
        elif free:
            desk.roster.touch(desk.clock())
            self.strip = Approval(tuple(free), desk.clock())
        elif found:
            desk.tell(f"{desk.glyphs.fails} not approved: {lit(found[0].reason, 100)} brakes it; D declines")
        else:
            desk.tell("nothing waits for a decision here")

    def do_decline(self) -> None:
        """Type why it should not run."""
        found = self.proposals()
        if not found:
            self.desk.tell("nothing waits for a decision here")
            return
        self.desk.roster.touch(self.desk.clock())
        act = partial(decline, self.desk, found[0])
        self.strip = Entry(f"decline {about(found[0])}, because: ", "decline", verb="decline", act=act)

    def do_report_event(self) -> None:
        """Type what happened; the mark is about what the firing's labels say."""
        target = self.target()
        if target is not None:
            self.desk.roster.touch(self.desk.clock())
            labels = dict(sorted(target.labels.items())[:MOST_LABELS])
            where = " ".join(f"{lit(name, 40)}={lit(value, 40)}" for name, value in labels.items())
            act = partial(self.desk.mark, labels)
            self.strip = Entry(f"event {where[:80]}: ", "mark", verb="mark that", act=act)

    def _extend(self, sign: int) -> None:
        target = self.target()
        if target is not None:
            step = PRESETS.get(target.stage, PRESETS["minutes"])[DEFAULT]
            self.run(self.desk.extend(target, sign * step))

    def _judge(self, word: str) -> None:
        target = self.target()
        if target is None:
            self.desk.tell("there is no firing here to say that of; rtmd verdict ID does for older ones")
        else:
            self.desk.roster.touch(self.desk.clock())
            self.run(self.desk.judge(target, word))

    def _surprised(self) -> bool:
        return self.desk.clock() - self.desk.roster.forced_at < SURPRISE
