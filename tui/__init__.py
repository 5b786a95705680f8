"""The operators' screen: a Textual application that sees the daemon only through the wire (`rtmd.wire`)."""
