"""Files that cannot be read, or went away, change nothing; of a new configuration all counts that can."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from fakes_config import load

from rtmd.cli.run import read_config
from rtmd.errors import FileErrors
from rtmd.model.inputs import RulesLoaded
from rtmd.pipeline import Input
from rtmd.runtime.daemon import waits_for_a_restart
from rtmd.runtime.office import Board
from rtmd.runtime.reload import Reloader
from rtmd.runtime.storage import open_storage

RULE = '[rules.busy]\nsignal = "m"\n[rules.busy.seconds]\nabove = 1\n'


async def test_a_rule_file_that_cannot_be_read_keeps_nobody_from_starting_and_no_rule_from_running(
    tmp_path: Path,
) -> None:
    rules, board, put = tmp_path / "rules", Board(), list[Input]()
    rules.mkdir()
    (rules / "bad.toml").symlink_to("/proc/self/mem")
    config = load(f"[daemon]\nstate = '{tmp_path}/state'\nrules = ['{rules}']")
    async with AsyncExitStack() as stack:
        storage = await open_storage(config, stack)
        reloader = Reloader(config, storage, put=put.append, board=board, load_config=None, configure=lambda _: None)
        await reloader.first()
        assert [(Path(error.file).name, error.problem) for error in board.rule_errors] == [
            ("bad.toml", "cannot be read: Input/output error")
        ]
        (rules / "bad.toml").unlink()
        (rules / "good.toml").write_text(RULE)
        await reloader.look()
        assert (board.rule_errors, len(put), isinstance(put[0], RulesLoaded)) == ([], 1, True)
        (rules / "bad.toml").symlink_to("/proc/self/mem")
        await reloader.look()
        assert (len(board.rule_errors), len(put)) == (1, 1)


async def test_another_configuration_counts_when_it_stands_still_with_its_folders_of_rules(tmp_path: Path) -> None:
    put, text, errors = list[Input](), f"[daemon]\nstate = '{tmp_path}/state'\nrules = ['{tmp_path}/%s']", Board()
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "r.toml").write_text(RULE.replace("busy", name))
    seen = ["[dae", "", text % "old", text % "new", text % "new", "[dae", "[dae"]
    async with AsyncExitStack() as stack:
        storage = await open_storage(load(text % "old"), stack)
        reloader = Reloader(
            load(text % "old"),
            storage,
            put=put.append,
            board=errors,
            load_config=lambda: load(seen.pop(0)),
            configure=lambda _: None,
        )
        await reloader.first()
        for _ in range(6):
            await reloader.look()
            assert errors.rule_errors == []
        await reloader.look()
    assert [next(iter(given.rules.rules)) for given in put if isinstance(given, RulesLoaded)] == ["old", "new"]
    assert [error.file for error in errors.rule_errors] == ["rtmd.toml"]


def test_what_cannot_change_while_it_runs_is_named_and_nothing_else() -> None:
    running = load("")
    changed = load("[daemon]\nname = 'b'\ntcp_role = 'operate'\nrules = ['x']\n[limits]\nseries = 7\nbody_bytes = 9")
    assert waits_for_a_restart(running, running) == []
    assert waits_for_a_restart(running, changed) == ["daemon.name", "limits.series"]


def test_no_file_is_an_empty_configuration_but_one_that_went_away_is_an_error(tmp_path: Path) -> None:
    assert set(read_config(tmp_path / "rtmd.toml").receivers) == {"log"}
    with pytest.raises(FileErrors, match=r"rtmd\.toml: cannot be read: No such file or directory"):
        read_config(tmp_path / "rtmd.toml", needed=True)
    (tmp_path / "rtmd.toml").mkdir()
    with pytest.raises(FileErrors, match=r"rtmd\.toml: cannot be read: Is a directory"):
        read_config(tmp_path / "rtmd.toml")
