"""The heap: what was freed goes back to the system, also between what stays."""

import platform
import subprocess
import sys

import pytest

_RETURNED = """
from pathlib import Path
from rtmd.runtime.heap import give_back

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

assert give_back()
pieces = [bytearray(16 << 20)]
before = held()
del pieces[0]
for _ in range(4):
    window = bytearray(16 << 20)
    pieces.append(bytearray(100_000))
    del window
print(before - held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_window_that_was_freed_does_not_stay_with_the_process() -> None:
    command = [sys.executable, "-c", _RETURNED]
    returned = int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)
    assert returned > 15 << 20
