"""Where notifications go and what actions run: one file a kind, each implementing a port."""
