"""How hypothesis works here.

By default every run tries the same examples, so that a red run is red again; `HYPOTHESIS_PROFILE=explore` looks for
new ones. No deadlines: how busy the machine is proves nothing.

Signals do what they do by default: who starts the tests in the background of a script has them ignored, and every
process that a test starts and interrupts would inherit that.

Texts that tests are given with are named by how they begin and how long they are: some have a million characters.
"""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(ignored, signal.SIG_DFL)

_NAMED = 60  # characters of a text that say which it is


def pytest_make_parametrize_id(val: object) -> str | None:
    if isinstance(val, str | bytes) and len(val) > _NAMED:
        return f"{val[:_NAMED]!r} of {len(val)}"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes the whole takes as long as the last one: who needs longest begins."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
