"""A webhook, real daemons and a real Prometheus for the tests of this folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import promql_cases as cases
import pytest
from daemon import PROMETHEUS_MISSING, Make, Rtmd, post_samples, until
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


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Has the samples of `promql_cases`."""
    binary = shutil.which("prometheus")
    if binary is None:
        (pytest.fail if os.environ.get("RTMD_CI") else pytest.skip)(PROMETHEUS_MISSING)
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("global: { evaluation_interval: 1m }\n")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
    argv = [binary, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=100y"]
    argv += [f"--web.listen-address={address}", "--web.enable-remote-write-receiver"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=30) as client:
            until("prometheus is up", lambda: ready(client), why=lambda: (folder / "log").read_text()[-4000:])
            post_samples(client, cases.samples())
            yield client
    finally:
        process.terminate()
        process.wait(20)


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False
