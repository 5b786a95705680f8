"""The verbs of the command line: no policy, one module a group of verbs, everything heavy imported inside a verb.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage. `rtmd --help` reads this table and imports no verb.
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem


class Verb(NamedTuple):
    """Where a verb lives (`module:function`), and what `rtmd --help` says about it."""

    place: str
    help: str


VERBS = {
    "run": Verb("rtmd.cli.run:run", "Run the daemon."),
    "demo": Verb("rtmd.cli.demo:demo", "A simulated event night, to try everything."),
    "tui": Verb("rtmd.cli.screen:tui", "Open the screen of a running daemon."),
    "check": Verb("rtmd.cli.check:check", "Check rule files and rtmd.toml, offline."),
    "test": Verb("rtmd.cli.ruletest:ruletest", "Run rule tests on virtual time."),
    "import": Verb("rtmd.cli.importing:importing", "Carry over rules of Prometheus."),
    "firings": Verb("rtmd.cli.operate:firings", "What fires, and since when."),
    "watch": Verb("rtmd.cli.watch:watch", "Say what happens, one line an event; for screen readers and pipes."),
    "explain": Verb("rtmd.cli.explain:explain", "What happened to a firing, and who was told or was not, and why."),
    "ack": Verb("rtmd.cli.operate:ack", "Take a firing: say that you have it."),
    "silence": Verb("rtmd.cli.silences:silence", "Add, edit, list and expire silences."),
    "mark": Verb("rtmd.cli.marks:mark", "Report that something happened: a post, a deployment."),
    "marks": Verb("rtmd.cli.marks:marks", "What was reported lately."),
    "audit": Verb("rtmd.cli.audit:audit", "Who changed what; --verify: nobody tampered with that."),
    "proposals": Verb("rtmd.cli.actions:proposals", "What waits for a decision."),
    "approve": Verb("rtmd.cli.actions:approve", "Let a proposal run."),
    "decline": Verb("rtmd.cli.actions:decline", "Have a proposal not run."),
    "hold": Verb("rtmd.cli.actions:hold", "Stop all actions and approvals."),
    "release": Verb("rtmd.cli.actions:release", "Let actions run again."),
    "rerun": Verb("rtmd.cli.actions:rerun", "Run an action once more."),
    "receivers": Verb("rtmd.cli.deliveries:receivers", "Who is told; try one out."),
    "outbox": Verb("rtmd.cli.deliveries:outbox", "What waits to be told, and what was given up."),
    "noise": Verb("rtmd.cli.noise:noise", "The noisiest rules, and why."),
    "verdict": Verb("rtmd.cli.noise:verdict", "Say that a firing was noise, or real."),
    "missed": Verb("rtmd.cli.noise:missed", "Report what a rule did not see."),
    "rules": Verb("rtmd.cli.operate:rules", "The loaded rules."),
    "reload": Verb("rtmd.cli.operate:reload", "Read rules and rtmd.toml again, now."),
    "eval": Verb("rtmd.cli.operate:evaluate", "Evaluate a PromQL expression now."),
    "status": Verb("rtmd.cli.operate:status", "Is it alive, and what is it doing?"),
    "token": Verb("rtmd.cli.tokens:token", "Make a token for a program."),
    "service": Verb("rtmd.cli.service:service", "Install rtmd as a systemd service."),
    "completion": Verb("rtmd.cli.operate:completion", "Print the completion script for a shell."),
    "version": Verb("rtmd.cli.operate:version", "Print the version."),
}


class LazyGroup(click.Group):
    """A group whose verbs are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb; None for a name that is none."""
        del ctx
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        module, _, function = verb.place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs from the table, then options."""
        verbs = [CompletionItem(name, help=verb.help) for name, verb in VERBS.items() if name.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and one line each, from the table."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A rule-driven alerting daemon: graded reactions in seconds, minutes and hours."""
