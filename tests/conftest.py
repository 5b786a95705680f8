"""How hypothesis works here.

By default every run tries the same examples, so that a red run is red again; `HYPOTHESIS_PROFILE=explore` looks for
new ones. No deadlines: how busy the machine is proves nothing.

Texts that tests are given with are named by how they begin and how long they are: some have a million characters.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

_NAMED = 60  # characters of a text that say which it is


def pytest_make_parametrize_id(val: object) -> str | None:
    if isinstance(val, str | bytes) and len(val) > _NAMED:
        return f"{val[:_NAMED]!r} of {len(val)}"
    return None
