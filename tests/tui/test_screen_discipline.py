"""Rules that the code of the screen keeps: no markup from outside, no heavy imports, one gate for strings."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmd.model import rule
from tui import scale

TUI = Path(__file__).parents[2] / "tui"
SOURCES = sorted(TUI.rglob("*.py"))
# line.py handles pieces, not the wire.
DRAWING = [path for path in SOURCES if path.name != "line.py"]

# Textual reads console markup in whatever these are given as a string.
MARKUP_SINKS = {
    "Static", "Label", "Button", "Option", "OptionList", "Select", "Tab", "Tabs", "DataTable", "Tree", "RichLog",
    "Log", "Toast", "Link", "Collapsible", "update", "add_row", "add_column", "add_option", "from_markup", "render_str",
    "markup",
}  # fmt: skip
MARKUP_ATTRIBUTES = {"border_title", "border_subtitle", "tooltip", "sub_title"}
IMPORT_BANNED = {"rich.markup", "textual.markup"}


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def breaches(tree: ast.AST) -> Iterator[str]:
    """Every place where text could be read as markup."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in MARKUP_SINKS and node.args:
            yield f"{node.lineno}: {called(node)}(…)"
        if isinstance(node, ast.Call) and called(node) == "notify" and not _is_plain_notify(node):
            yield f"{node.lineno}: notify without markup=False"
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in MARKUP_ATTRIBUTES:
                    yield f"{node.lineno}: {target.attr} ="
        if isinstance(node, ast.ImportFrom) and node.module in IMPORT_BANNED:
            yield f"{node.lineno}: from {node.module}"


def _is_plain_notify(node: ast.Call) -> bool:
    marks = [keyword.value for keyword in node.keywords if keyword.arg == "markup"]
    return bool(marks) and isinstance(marks[0], ast.Constant) and marks[0].value is False


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TUI)))
def test_no_text_reaches_a_place_where_it_would_be_read_as_markup(path: Path) -> None:
    assert list(breaches(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "source",
    [
        "Static(f'{a}')",
        "Label(text)",
        "x.border_title = t",
        "app.notify(t)",
        "s.update(t)",
        "from rich.markup import e",
    ],
)
def test_the_check_finds_what_it_is_for(source: str) -> None:
    assert list(breaches(ast.parse(source)))


def raw_fields(tree: ast.AST) -> Iterator[str]:
    """Strings of the wire that become a piece without passing `lit`."""
    hostile = {
        "rule", "title", "reason", "owner", "unit", "silencer", "by", "note", "text", "author", "url", "detail",
        "action", "coach", "problem", "file", "follows", "comment", "kind", "role", "you",
    }  # fmt: skip
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and called(node) == "Piece"):
            continue
        gates = [call for call in ast.walk(node) if isinstance(call, ast.Call) and called(call) in ("lit", "words")]
        gated = {inner for call in gates for inner in ast.walk(call)}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and inner.attr in hostile and inner not in gated:
                wire = not (isinstance(inner.value, ast.Name) and inner.value.id in ("glyphs", "columns"))
                if wire:
                    yield f"{inner.lineno}: .{inner.attr}"


@pytest.mark.parametrize("path", DRAWING, ids=lambda path: str(path.relative_to(TUI)))
def test_strings_of_the_wire_pass_the_gate_before_they_become_pieces(path: Path) -> None:
    assert list(raw_fields(ast.parse(path.read_text()))) == []


def test_the_first_paint_needs_no_heavy_library() -> None:
    script = "import sys, tui.app; print(*sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "rtmd.model.rule" not in found
    heavy = {"numpy", "re2", "promql_parser", "httpx", "uvicorn", "starlette", "click", "watchfiles", "psutil"}
    assert heavy & {name.partition(".")[0] for name in found} == set()
    rooms = {name.split(".")[1] for name in found if name.startswith("rtmd.")}
    assert rooms <= {"wire", "model"}


def test_the_scale_is_that_of_rules() -> None:
    assert tuple(stage.value for stage in rule.STAGES) == scale.STAGES
    assert tuple(each.value for each in sorted(rule.Severity, key=lambda each: each.rank)) == scale.SEVERITIES
    assert (scale.SECOND, scale.MINUTE, scale.HOUR) == (rule.SECOND, rule.MINUTE, rule.HOUR)


def test_the_package_itself_imports_nothing() -> None:
    script = "import sys, tui; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not any(name.startswith(("textual", "rich", "msgspec")) for name in found)
