"""Sources that bring samples in by themselves, one file a kind."""
