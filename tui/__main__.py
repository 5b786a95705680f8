"""`python -m tui TARGET [--ascii]`: the screen on a socket's path or http://HOST:PORT."""

from __future__ import annotations

import argparse
import sys

from tui.app import main
from tui.options import Options

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tui", description="The operators' screen of rtmd.")
    parser.add_argument("target", help="a socket's path or http://HOST:PORT")
    parser.add_argument("--ascii", action="store_true", help="marks in ASCII only")
    arguments = parser.parse_args()
    sys.exit(main(arguments.target, Options(ascii_only=arguments.ascii)))
