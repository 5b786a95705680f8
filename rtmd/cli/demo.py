"""`rtmd demo`: a simulated event night. On a terminal daemon and screen in one command, elsewhere its timeline.

The timeline runs in this process on virtual time. For a terminal the daemon is a child process (this verb again, with
`--serve`) that lives in a temporary folder, and the screen runs here on its socket (`demo_live`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, another night.")
@click.option("--plain", is_flag=True, help="Print the timeline at full speed, on a terminal too.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with plain ASCII only.")
@click.option("--serve", "folder", hidden=True, type=click.Path(path_type=Path, file_okay=False, exists=True))
def demo(*, seed: int, plain: bool, ascii_only: bool, folder: Path | None) -> None:
    """Play a simulated event night of three minutes, to try everything.

    On a terminal with the screen of a real daemon; without one, or with --plain, as a timeline at full speed.
    """
    if folder is not None:
        from rtmd.cli.demo_daemon import serve

        sys.exit(serve(folder, seed))
    from tui.terminal import unusable

    if plain or unusable():
        _print_timeline(seed)
        return
    from rtmd.cli.demo_live import watch

    sys.exit(watch(seed, ascii_only=ascii_only))


def _print_timeline(seed: int) -> None:
    from rtmd.cli.run import read_config
    from rtmd.replay.night import timeline
    from rtmd.rulefile import load_rules
    from rtmd.rulefile.files import read_rule_files
    from rtmd.runtime.daemon import reactions_of

    config = read_config(shipped() / "rtmd.toml")
    loaded = load_rules(read_rule_files(config.daemon.rules))
    if loaded.problems:
        raise click.ClickException("\n".join(map(str, loaded.errors)))
    for line in timeline(seed, loaded.rules, reactions_of(config)):
        click.echo(line)


def shipped() -> Path:
    """The folder of the demo's configuration and rules, inside the package."""
    import rtmd

    return Path(rtmd.__file__).parent / "shipped" / "demo"
