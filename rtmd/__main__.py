"""`python -m rtmd`: the command line without relying on PATH, which is how the systemd unit starts it."""

from rtmd.cli import main

main()
