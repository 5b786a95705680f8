"""The reaction engine: what signals mean (plans over samples) and what stages make of them (the protocol).

`evaluate` and `evaluate_range` are library: PromQL over given series, without a daemon.
"""

from rtmd.engine.query import evaluate, evaluate_range

__all__ = ["evaluate", "evaluate_range"]
