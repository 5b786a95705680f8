"""The house rules that no off-the-shelf tool checks, and the import contracts as a test.

Pure rooms decide and know nothing of the world: no clock, no chance, no files, no log. Every violation is named
with its place. What a contract in pyproject.toml can say stands there; here is what needs a look into the code.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for package in ("rtmd", "tui") for path in (ROOT / package).rglob("*.py"))
PURE_ROOMS = (
    "rtmd/model",
    "rtmd/formats",
    "rtmd/promql",
    "rtmd/engine",
    "rtmd/alerting",
    "rtmd/pipeline",
    "rtmd/matching.py",
    "rtmd/wire",
    "rtmd/errors.py",
    "rtmd/replay/story.py",
    "rtmd/replay/story_posts.py",
    "rtmd/replay/card.py",
    "rtmd/replay/expect.py",
    "rtmd/replay/notation.py",
    "rtmd/replay/play.py",
    "rtmd/replay/promtest.py",
    "rtmd/replay/seen.py",
    "rtmd/replay/trial.py",
    "rtmd/rulefile/prometheus",
    "rtmd/replay/timeline.py",
)
PURE = [path for path in SOURCES if path.relative_to(ROOT).as_posix().startswith(PURE_ROOMS)]

IMPURE_MODULES = frozenset({
    "asyncio", "concurrent", "getpass", "glob", "io", "locale", "logging", "multiprocessing", "os", "pathlib",
    "platform", "queue", "random", "requests", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
})  # fmt: skip
# Calendars are people's time: only these may name zones and dates, and they are given the time.
CALENDAR_MODULES = frozenset({"datetime", "zoneinfo", "calendar"})
CALENDAR_ROOMS = ("rtmd/alerting/calendar", "rtmd/engine/functions")
IMPURE_CALLS = frozenset({"print", "open", "input", "breakpoint", "exec", "eval", "__import__"})
# Methods whose name alone gives a clock, chance or a file away, whatever they are called on.
IMPURE_METHODS = frozenset({
    "now", "utcnow", "today", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "urandom", "default_rng",
    "randint", "tofile", "fromfile", "memmap", "read_text", "write_text", "read_bytes", "write_bytes",
})  # fmt: skip


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def impurities(path: Path) -> Iterator[str]:
    calendar = path.relative_to(ROOT).as_posix().startswith(CALENDAR_ROOMS)
    for node in ast.walk(parse(path)):
        for name in imported(node):
            top = name.partition(".")[0]
            if top in IMPURE_MODULES or name == "numpy.random" or (top in CALENDAR_MODULES and not calendar):
                yield f"{place(path, node)}: imports {name}"
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) if name in IMPURE_CALLS:
                    yield f"{place(path, node)}: calls {name}()"
                case ast.Attribute(attr=name) if name in IMPURE_METHODS:
                    yield f"{place(path, node)}: calls .{name}()"


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> Iterator[tuple[Path, Function, int]]:
    """Every function with its length: signature and body, without docstring."""
    for path in SOURCES:
        for node in ast.walk(parse(path)):
            if isinstance(node, Function):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                doc = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
                if doc is not None:
                    lines -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
                yield path, node, lines


def test_pure_rooms_call_no_clock_no_chance_and_no_io() -> None:
    assert [room for room in PURE_ROOMS if not (ROOT / room).exists()] == []
    assert [problem for path in PURE for problem in impurities(path)] == []


def test_the_look_for_impurities_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "bad.py"
    path.write_text("import time\nfrom os import path\nprint(open('x'))\nd = clock.now()\nimport datetime\n")
    assert sorted(impurities(path)) == [
        "bad.py:1: imports time",
        "bad.py:2: imports os",
        "bad.py:3: calls open()",
        "bad.py:3: calls print()",
        "bad.py:4: calls .now()",
        "bad.py:5: imports datetime",
    ]


def test_every_module_opens_with_its_theory() -> None:
    assert [place(path) for path in SOURCES if not ast.get_docstring(parse(path))] == []


def test_functions_are_short() -> None:
    found = [(place(path, node), node.name, lines) for path, node, lines in functions()]
    too_long = [f"{where}: {name} has {lines} lines, at most 60" for where, name, lines in found if lines > 60]
    assert too_long == []
    lengths = sorted(lines for _, _, lines in found)
    assert statistics.median(lengths) <= 10
    longest = [f"{where}: {name}, {lines}" for where, name, lines in found if lines >= 35]
    assert len(longest) <= len(found) / 10, longest


def test_files_are_short() -> None:
    files = [*SOURCES, *(path for folder in ("tests", "bench", "docs") for path in (ROOT / folder).rglob("*.py"))]
    sizes = [(path, len(path.read_text(encoding="utf-8").splitlines())) for path in files]
    assert [f"{place(path)}: {size} lines, fewer than 400" for path, size in sizes if size >= 400] == []


def test_names_say_what_things_are() -> None:
    vague = {"manager", "helper", "helpers", "util", "utils", "misc", "common", "stuff"}
    named = [(path, path.stem.split("_")) for path in SOURCES]
    assert [place(path) for path, words in named if vague & set(words)] == []


def test_the_import_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
