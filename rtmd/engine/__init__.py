"""The engine: series, windows, plans and the protocol. Pure and synchronous; time is an argument."""
