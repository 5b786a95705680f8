"""Pure composition of engine and alerting: `Pipeline.step(inputs, at)` is the one verb that changes state."""
