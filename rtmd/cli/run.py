"""`rtmd run`: the daemon in the foreground, as systemd starts it.

Exit codes: 0 asked to stop, 75 the disk failed, 78 (EX_CONFIG) the configuration or the state cannot be used:
starting again would not help. Bad rules do not keep it from starting.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rtmd.config import Config

EX_CONFIG = 78


@click.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("rtmd.toml"),
    show_default=True,
    help="The configuration; a file that does not exist counts as empty.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log more.")
def run(path: Path, *, verbose: bool) -> None:
    """Run the daemon."""
    from rtmd.errors import RtmdError

    log_to_stderr(logging.DEBUG if verbose else logging.INFO)
    try:
        config = read_config(path)
        code = serve(config, path)
    except RtmdError as error:
        click.echo(str(error), err=True)
        sys.exit(EX_CONFIG)
    sys.exit(code)


def read_config(path: Path, *, needed: bool = False) -> Config:
    """The configuration in a file; FileErrors with every problem. Without `needed`, no file is an empty one."""
    from rtmd.config import load_config
    from rtmd.errors import FileErrors, Located

    try:
        text = path.read_bytes() if needed or path.exists() else b""
    except OSError as error:
        raise FileErrors((Located(str(path), 0, 0, f"cannot be read: {error.strerror}"),)) from None
    return load_config(
        text,
        file=str(path),
        base=path.absolute().parent,
        env=os.environ,
        read_credential=lambda credential: credential.read_text(encoding="utf-8").strip(),
    )


def serve(config: Config, path: Path) -> int:
    """Run until somebody asks it to stop."""
    # Names are looked up in uvloop's own threads, of which there would be four: few enough for destinations whose name
    # servers hang to keep all others waiting.
    os.environ.setdefault("UV_THREADPOOL_SIZE", "64")

    import uvloop

    from rtmd.api.sockets import inherited_sockets
    from rtmd.runtime.daemon import Daemon
    from rtmd.runtime.heap import give_back

    give_back()
    needed = path.exists()  # one that goes away is an accident, not an order to forget who is told

    async def main() -> int:
        inherited = inherited_sockets(os.environ, os.getpid())
        return await Daemon(config, load_config=lambda: read_config(path, needed=needed), inherited=inherited).run()

    return uvloop.run(main())


def log_to_stderr(level: int) -> None:
    """One line a record; with a priority that journald understands where it is listening."""
    handler = logging.StreamHandler()
    journald = "JOURNAL_STREAM" in os.environ
    handler.setFormatter(_Priority("%(name)s: %(message)s") if journald else logging.Formatter(_PLAIN))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


_PLAIN = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class _Priority(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Every line of a multi-line record needs the prefix of its own.
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())
