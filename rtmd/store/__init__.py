"""What survives: decisions in SQLite, recent samples in an append-only log, windows in a snapshot."""
