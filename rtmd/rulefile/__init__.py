"""Rule files: text in, checked `Rule` values or located problems out."""
