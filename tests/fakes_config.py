"""A configuration read in surroundings of its own: what the tests of rtmd.toml share."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmd.config import Config, load_config
from rtmd.errors import FileErrors

BASE = Path("/etc/rtmd")
SECRET = "s3cret/hook"  # noqa: S105  # it is the test's


def secrets(path: Path) -> str:
    if path in {BASE / "credentials" / "hook", Path("/run/cred/given")}:
        return SECRET + "\n"
    if path.name == "broken":
        return "spa ce"
    raise FileNotFoundError(path)


def load(text: str, **env: str) -> Config:
    return load_config(text, file="rtmd.toml", base=BASE, env={"HOME": "/home/ana", **env}, read_credential=secrets)


def problems_of(text: str, **env: str) -> list[str]:
    with pytest.raises(FileErrors) as caught:
        load(text, **env)
    return [str(problem).removeprefix("rtmd.toml:") for problem in caught.value.problems]
