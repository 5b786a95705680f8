from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtmd.cli import service

PYTHON = "/opt/rtmd/bin/python"


def test_the_unit_starts_the_real_interpreter_as_a_made_up_user() -> None:
    lines = service.unit(PYTHON).splitlines()
    assert f"ExecStart={PYTHON} -I -X utf8 -m rtmd run --config /etc/rtmd/rtmd.toml" in lines
    assert "DynamicUser=yes" in lines
    assert "RestartPreventExitStatus=78" in lines
    assert not [line for line in lines if "@" in line]


def test_a_named_user_takes_the_place_of_the_made_up_one() -> None:
    text = service.unit(PYTHON, "alerts")
    assert "\nUser=alerts\n" in text
    assert "DynamicUser" not in text


def test_signs_that_mean_something_to_systemd_are_quoted() -> None:
    assert 'ExecStart="/opt/my rtmd/100%%/$$x/python" -I' in service.unit("/opt/my rtmd/100%/$x/python")


def test_comments_stand_on_their_own_lines() -> None:
    for line in service.unit(PYTHON).splitlines():
        assert line.startswith("#") or "#" not in line


def test_print_shows_the_unit_of_this_interpreter_and_writes_nothing(tmp_path: Path) -> None:
    shown = CliRunner().invoke(service.service, ["install", "--print", "--prefix", str(tmp_path)])
    assert shown.exit_code == 0
    assert shown.output == service.unit(sys.executable)
    assert not list(tmp_path.iterdir())


def test_an_interpreter_that_the_sandbox_hides_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/home/ana/venv/bin/python")
    refused = CliRunner().invoke(service.service, ["install", "--prefix", str(tmp_path)])
    assert refused.exit_code == 1
    assert "/home/ana/venv/bin/python would be out of the service's sight" in refused.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["/home/ana/v/bin/python", "/root/p", "/tmp/v/bin/python", "/var/tmp/p"])  # noqa: S108
def test_home_and_temporary_folders_are_out_of_sight(path: str) -> None:
    assert service.unreachable((PYTHON, path)) == path
    assert service.unreachable((PYTHON, "/usr/bin/python3", "/homer/p")) == ""


def test_an_installation_keeps_what_operators_wrote(tmp_path: Path) -> None:
    first = service.write(tmp_path, "unit 1")
    config = tmp_path / "etc/rtmd/rtmd.toml"
    assert {tmp_path / "etc/systemd/system/rtmd.service", config} <= set(first)
    config.write_text("# mine")
    assert service.write(tmp_path, "unit 2") == [tmp_path / "etc/systemd/system/rtmd.service"]
    assert (tmp_path / "etc/systemd/system/rtmd.service").read_text() == "unit 2"
    assert config.read_text() == "# mine"


def test_the_demos_rules_are_not_installed() -> None:
    assert "event-night.toml" not in {path.name for path in service.shipped_rules()}


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "unreachable", lambda _: "")
    blocked = tmp_path / "file"
    blocked.write_text("")
    failed = CliRunner().invoke(service.service, ["install", "--prefix", str(blocked)])
    assert failed.exit_code == 1
    assert failed.output.startswith("Error: cannot write")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "rtmd.service"
    # verify wants the program to exist: any will do.
    path.write_text(service.unit("/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in (checked.stdout + checked.stderr).splitlines() if "rtmd.service" in line] == []
