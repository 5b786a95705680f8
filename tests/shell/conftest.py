"""A webhook and real daemons for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest
from daemon import Rtmd
from sink import Sink

# Makes a daemon (not started) from what is added to its rtmd.toml, and its rule files.
Make: TypeAlias = Callable[[str, Mapping[str, str]], Rtmd]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as listening:
        yield listening


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def made(config: str, rules: Mapping[str, str]) -> Rtmd:
            folder = tmp_path / f"d{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(Rtmd(folder, config, rules))

        yield made
