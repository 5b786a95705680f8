"""What is tracked can be built anywhere: no address of an index, no path of one machine, hashes for everything."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
# Put together here, so that this file does not contain what it looks for.
INDEX_HOSTS = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "--index" + "-url",
    "--extra-index" + "-url",
    "--find" + "-links",
)
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|Users|work)/[a-z]\w*")
# Examples that tests and documents need: the names of folders that a sandbox hides.
ALLOWED = re.compile(r"/home/ana\b")


def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30, check=True
    )
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def lines() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            found.append((f"{path.relative_to(ROOT)}:{number}", line))
    return found


def test_no_tracked_file_names_a_package_index() -> None:
    # The Makefile tells the generator of the lock to leave addresses out.
    named = [where for where, line in lines() if any(host in line.replace("--no-emit", "") for host in INDEX_HOSTS)]
    assert named == []


def test_no_tracked_file_names_a_place_on_one_machine() -> None:
    assert [where for where, line in lines() if MACHINE_PATH.search(ALLOWED.sub("", line))] == []


def test_every_line_of_the_lock_is_an_exact_version_or_a_hash() -> None:
    head = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][\w.]* \\")
    digest = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in LOCK.splitlines() if not (head.fullmatch(line) or digest.fullmatch(line))] == []


def test_every_package_of_the_lock_has_hashes() -> None:
    packages = re.split(r"^(?=\S)", LOCK, flags=re.MULTILINE)[1:]
    assert len(packages) > 20
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []


def test_the_extra_that_is_built_is_locked_as_it_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements-rete.lock").read_text(encoding="utf-8")
    assert re.findall(r"^(\S+==\S+) ", lock, flags=re.MULTILINE) == project["optional-dependencies"]["rete"]
    assert "--hash=sha256:" in lock


def test_the_lock_has_everything_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~;\[ ]", requirement)[0].lower().replace("_", "-") for requirement in asked}
    locked = set(re.findall(r"^([a-z0-9.-]+)==", LOCK, flags=re.MULTILINE))
    assert names - locked == set()
