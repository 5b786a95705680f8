"""`rtmd test`: rule tests on virtual time, by the pipeline of the daemon; exit 1 when something is not as expected."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rtmd.errors import Located
    from rtmd.replay.trial import Case, Failure, Verdict

_YAML = (".yml", ".yaml")
_YAML_TESTS = ("_test", ".test", "_tests", ".tests")


@click.command("test")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Show what happens in each case, line by line.")
def ruletest(paths: tuple[Path, ...], *, as_json: bool, verbose: bool) -> None:
    """Run rule tests: *.test.toml, and those of promtool (*_test.yml).

    PATHS are files or folders of them [default: the folder rules].
    """
    from rtmd.cli import output
    from rtmd.errors import FileErrors
    from rtmd.replay.trial import try_case

    verdicts: list[Verdict] = []
    problems: list[Located] = []
    remarks: list[Located] = []
    for file in _test_files(paths or (Path("rules"),)):
        try:
            cases, said = _read(file)
        except FileErrors as errors:
            problems += errors.problems
            continue
        remarks += said
        for case in cases:
            verdicts.append(try_case(case, timeline=verbose))
            if not as_json:
                _print(verdicts[-1], verbose=verbose)
    if as_json:
        output.print_json(_answer(verdicts, problems, remarks))
    else:
        _print_places(problems, remarks if verbose or problems or _failed(verdicts) else ())
    failed = _failed(verdicts)
    click.echo(f"{len(verdicts) - failed} passed, {failed + len(problems)} failed", err=as_json)
    if not verdicts and not problems:
        raise click.ClickException("there are no rule tests here")
    sys.exit(1 if failed or problems else 0)


def _failed(verdicts: Sequence[Verdict]) -> int:
    return sum(bool(verdict.failures) for verdict in verdicts)


def _test_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Files as they are named; of folders what is a test by its name, sorted, hidden ones left out."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if not hidden and _is_test(file) and file.is_file():
                yield file


def _is_test(file: Path) -> bool:
    return file.name.endswith(".test.toml") or (file.suffix in _YAML and file.stem.endswith(_YAML_TESTS))


def _read(file: Path) -> tuple[tuple[Case, ...], tuple[Located, ...]]:
    from rtmd.errors import FileErrors, Located
    from rtmd.replay.promtest import read_prom_tests
    from rtmd.replay.ruletest import read_rule_tests
    from rtmd.rulefile.files import read_rule_files

    def rules(names: tuple[str, ...] | None) -> dict[str, bytes]:
        return dict(read_rule_files([file.parent] if names is None else [file.parent / name for name in names]))

    def files(patterns: Sequence[str]) -> dict[str, bytes]:
        found = [path for pattern in patterns for path in _matching(file.parent, pattern)]
        return {str(path): path.read_bytes() for path in dict.fromkeys(found)}

    try:
        content = file.read_bytes()
        if file.suffix in _YAML:
            return read_prom_tests(content, file=str(file), find=files)
        return read_rule_tests(content, file=str(file), find=rules), ()
    except OSError as error:
        raise FileErrors((Located(error.filename or str(file), 0, 0, f"cannot be read: {error.strerror}"),)) from None


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files that a pattern of promtool names; a name without wildcards has to be there."""
    path = folder / pattern
    if not any(character in pattern for character in "*?["):
        return [path]
    anchor = Path(path.anchor or ".")
    return sorted(found for found in anchor.glob(str(path.relative_to(path.anchor))) if found.is_file())


def _print(verdict: Verdict, *, verbose: bool) -> None:
    from rtmd.model.display import safe

    place = verdict.case.place
    if verbose:
        click.echo(f"{safe(place.file)}:{place.line}: {safe(verdict.case.name)}")
        for line in verdict.timeline:
            click.echo(f"  {safe(line)}")
    for failure in verdict.failures:
        for line in _lines(failure):
            click.echo(safe(line))


def _lines(failure: Failure) -> Iterator[str]:
    yield str(failure.place)
    for detail in failure.details:
        yield f"    {detail}"


def _print_places(problems: Sequence[Located], remarks: Sequence[Located]) -> None:
    from rtmd.model.display import safe

    for problem in problems:
        click.echo(safe(str(problem)))
    for remark in sorted(remarks):
        click.echo(f"{safe(str(remark))} (remark)")


def _answer(verdicts: Sequence[Verdict], problems: Sequence[Located], remarks: Sequence[Located]) -> dict[str, object]:
    """What was tried, as one document."""
    return {
        "passed": len(verdicts) - _failed(verdicts),
        "failed": _failed(verdicts) + len(problems),
        "cases": [
            {
                "name": verdict.case.name,
                "file": verdict.case.place.file,
                "line": verdict.case.place.line,
                "passed": not verdict.failures,
                "failures": [{**_place(each.place), "details": list(each.details)} for each in verdict.failures],
                **({"timeline": list(verdict.timeline)} if verdict.timeline else {}),
            }
            for verdict in verdicts
        ],
        "problems": [_place(problem) for problem in problems],
        "remarks": [_place(remark) for remark in sorted(remarks)],
    }


def _place(place: Located) -> dict[str, object]:
    return {"file": place.file, "line": place.line, "problem": place.problem}
