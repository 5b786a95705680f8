"""`rtmd service install`: the systemd unit, an example configuration and the shipped rules, in their places.

What is there already is never overwritten, the unit excepted: it belongs to the installation, and changes of it
to a drop-in. `unit` is pure; `install` writes below a prefix, so that images and tests can use it alike.
"""

from __future__ import annotations

import shutil
import sys
from importlib import resources
from pathlib import Path

import click

import rtmd

_UNIT = Path("etc/systemd/system/rtmd.service")
_FOLDER = Path("etc/rtmd")
# What the unit's ProtectHome= and PrivateTmp= hide from the service.
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # nothing is written there


@click.group()
def service() -> None:
    """Run rtmd as a systemd service."""


@service.command()
@click.option("--user", default="", metavar="NAME", help="Run as this user instead of one that systemd makes up.")
@click.option("--prefix", default="/", type=click.Path(path_type=Path), help="Write below this folder (for images).")
@click.option("--print", "only_print", is_flag=True, help="Print the unit and write nothing.")
def install(user: str, prefix: Path, *, only_print: bool) -> None:
    """Write the systemd unit, and example configuration and rules where there are none."""
    text = unit(sys.executable, user)
    if only_print:
        click.echo(text, nl=False)
        return
    hidden = unreachable((sys.executable, str(Path(sys.executable).resolve()), rtmd.__file__))
    if hidden:
        raise click.ClickException(_refusal(hidden))
    try:
        written = write(prefix, text)
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from error
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(_NEXT)


def unit(python: str, user: str = "") -> str:
    """The unit's text for this interpreter (an absolute path); without `user` systemd makes one up (DynamicUser)."""
    template = (resources.files(rtmd) / "shipped" / "rtmd.service").read_text(encoding="utf-8")
    identity = f"User={_word(user)}" if user else "DynamicUser=yes"
    return template.replace("@PYTHON@", _word(python)).replace("@IDENTITY@", identity)


def unreachable(paths: tuple[str, ...]) -> str:
    """The first of these paths that the service would not see; empty: all are fine."""
    return next((path for path in paths if any(Path(path).is_relative_to(folder) for folder in _HIDDEN)), "")


def write(prefix: Path, text: str) -> list[Path]:
    """Write unit, example configuration and rules below `prefix`; the paths that were really written."""
    target = prefix / _UNIT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    written = [target]
    folder = prefix / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "rtmd.toml"
    if not config.exists():
        config.write_bytes((resources.files(rtmd) / "shipped" / "example.toml").read_bytes())
        written.append(config)
    rules = folder / "rules"
    if not rules.exists():
        rules.mkdir()
        written += [Path(shutil.copyfile(source, rules / source.name)) for source in shipped_rules()]
    return written


def shipped_rules() -> list[Path]:
    """The rule files that come with rtmd, without the demo's: inside the wheel, or beside a checkout's package."""
    package = Path(rtmd.__file__).parent
    inside = package / "shipped" / "rules"
    return sorted((inside if inside.is_dir() else package.parent / "rules").glob("*.toml"))


def _word(text: str) -> str:
    """One word of a unit file: `%` and `$` mean nothing, blanks and quotes do not split it."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if any(sign in plain for sign in " \t'\"\\") else plain


def _refusal(path: str) -> str:
    return (
        f"{path} would be out of the service's sight (ProtectHome, PrivateTmp): install rtmd elsewhere first, "
        "for example `python3 -m venv /opt/rtmd && /opt/rtmd/bin/pip install .`, "
        "then run `/opt/rtmd/bin/rtmd service install`; or look at the unit with --print"
    )


_NEXT = """next:
  rtmd check /etc/rtmd                     # is everything in order?
  systemctl daemon-reload
  systemctl enable --now rtmd
  systemctl status rtmd
after an edit of rtmd.toml or a rule: nothing (it is watched), or `systemctl reload rtmd`"""
