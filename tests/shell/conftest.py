"""A webhook and real daemons for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from daemon import Make, Rtmd
from sink import Sink


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
