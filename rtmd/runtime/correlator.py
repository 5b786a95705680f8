"""Which correlator there is: the Rete network where the extra `rete` is installed, else the plain join. Both agree."""

from __future__ import annotations

from rtmd.alerting.correlation import Join
from rtmd.ports import Correlator


def make_correlator() -> Correlator:
    """A fresh one."""
    try:
        from rtmd.rete import ReteCorrelator  # noqa: PLC0415  # an extra
    except ImportError:
        return Join()
    return ReteCorrelator()
