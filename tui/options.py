"""What whoever opens the screen asks for."""

from __future__ import annotations

from msgspec import Struct


class Options(Struct, frozen=True):
    """The options of `rtmd tui`.

    `daemon_stays` says whether the daemon outlives the screen: what people who leave are told. `read_only` changes
    nothing, and has the daemon refuse whatever this screen might ask for. `open_at` is a link: `firing/ID`, or a
    screen's name. `theme` is the name of one; empty: as `screen.toml` says. `bell` rings for what is
    critical, new and nobody's. `wall` is for a screen that many look at and nobody works on; it is read-only.
    """

    ascii_only: bool = False
    daemon_stays: bool = True
    read_only: bool = False
    open_at: str = ""
    theme: str = ""
    bell: bool = False
    wall: bool = False


DEFAULTS = Options()
