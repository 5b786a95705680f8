"""Any split of the input at a snapshot gives the same rows and the same bodies, byte for byte, under two hash seeds.

`splits` says what a night is, how it is split, and what a restart changes on purpose.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NIGHTS = [str(seed) for seed in range(10 if os.environ.get("RTMD_FULL") else 4)]


def play(hash_seed: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join(map(str, (HERE, HERE.parent, HERE.parents[1])))
    return subprocess.Popen(
        [sys.executable, HERE / "splits.py", *NIGHTS],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_night_whole_restless_and_in_pieces_is_the_same_under_two_hash_seeds() -> None:
    one, other = (running.communicate(timeout=500)[0] for running in [play("1"), play("2")])
    assert one == other
    told = [line.split() for line in one.splitlines()]
    assert [night for night, *_ in told] == NIGHTS, one
    rows, cuts, flapped = (sum(int(line[place]) for line in told) for place in (2, 3, 4))
    assert rows > 80 * len(NIGHTS), one
    assert cuts > 4 * len(NIGHTS), one
    assert flapped > 0, one
