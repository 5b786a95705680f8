"""Rule files to rules: every mistake of every rule, each at its place; per file all or nothing.

`load_rules` is a pure function of the files' contents. A file with a problem contributes no rule: whoever runs rules
keeps the last good text of that file and loads again with it. Names are unique over all files; of two rules with the
same name the one in the later file (in path order), or further down, is the wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec import Struct, field

from rtmd.errors import FileErrors, Located
from rtmd.model.labels import Labels
from rtmd.model.replace import replace
from rtmd.model.rule import STAGES, Correlation, Rule, RuleSet, Stage, StageName
from rtmd.rulefile.correlation import read_correlation
from rtmd.rulefile.document import Document, read_document
from rtmd.rulefile.head import HEAD, Head, read_head, read_labels
from rtmd.rulefile.lint import labels_of_result
from rtmd.rulefile.stage import OVERRIDES, STAGE_ONLY, read_stage
from rtmd.rulefile.table import Table

_RULE_ONLY = HEAD - {"title"}
_DEFAULTS = frozenset(
    {"owner", "kind", "links", "labels", "no_data", "no_data_limit", "reopen", "coverage", "unit", "flapping"}
    | {"enabled", "shadow"}
)
_LATER_RULE = frozenset({"score"})
_STAGE_NAMES = frozenset(map(str, STAGES))
_MAX_RULES = 2_000  # in one file, and as many correlations


class Loaded(Struct, frozen=True):
    """What files say: `rules` of the good ones (enabled ones only), `problems` of each bad one."""

    rules: RuleSet
    problems: Mapping[str, tuple[Located, ...]] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Located, ...]:
        """All problems, in the order of files and lines."""
        return tuple(problem for file in sorted(self.problems) for problem in self.problems[file])


class _Written(Struct, frozen=True):
    """A rule or correlation as it stands in a file, enabled or not."""

    rule: Rule | Correlation
    enabled: bool
    place: Located  # where a problem with its name belongs


class _Checked(Struct, frozen=True):
    """A file by itself: its rules, or its problems."""

    content: bytes | str
    entries: tuple[_Written, ...] = ()
    problems: tuple[Located, ...] = ()


def load_rules(files: Mapping[str, bytes | str]) -> Loaded:
    """Check these files (name → content), each by itself and then together; never raises."""
    return Loader().load(files)


class Loader:
    """Loads again and again: a file that did not change is not read anew, and gives the very same rules.

    Of each file the two latest texts are remembered: one on disk that cannot be used, and its last good one.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[_Checked, ...]] = {}

    def __repr__(self) -> str:
        return f"<Loader of {len(self._known)} files>"

    def load(self, files: Mapping[str, bytes | str]) -> Loaded:
        """The same as `load_rules`."""
        self._known = {file: known for file, known in self._known.items() if file in files}
        return _put_together({file: self._check(file, files[file]) for file in sorted(files)})

    def _check(self, file: str, content: bytes | str) -> _Checked:
        known = self._known.get(file, ())
        for checked in known:
            if checked.content == content:
                return checked
        checked = _check(file, content)
        self._known[file] = (checked, *known[:1])
        return checked


def _put_together(checked: Mapping[str, _Checked]) -> Loaded:
    written: dict[str, tuple[_Written, ...]] = {}
    problems: dict[str, tuple[Located, ...]] = {}
    for file, each in checked.items():
        if each.problems:
            problems[file] = each.problems
        else:
            written[file] = each.entries
    problems |= _refuse_repeated_names(written)
    entries = [entry for file in written if file not in problems for entry in written[file]]
    entries.sort(key=lambda entry: entry.rule.name)
    found = {entry.rule.name: entry.rule for entry in entries if entry.enabled}
    rules = {name: rule for name, rule in found.items() if isinstance(rule, Rule)}
    correlations = {name: rule for name, rule in found.items() if isinstance(rule, Correlation)}
    switched_off = (entry.rule for entry in entries if not entry.enabled)
    disabled = {rule.name: rule for rule in switched_off if isinstance(rule, Rule)}
    return Loaded(RuleSet(rules, disabled, correlations), problems)


def _refuse_repeated_names(written: Mapping[str, tuple[_Written, ...]]) -> dict[str, tuple[Located, ...]]:
    first: dict[str, _Written] = {}
    problems: dict[str, tuple[Located, ...]] = {}
    for file, entries in written.items():
        for entry in entries:
            known = first.setdefault(entry.rule.name, entry)
            if known is not entry:
                here, there = entry.place, known.place
                text = f'the name "{entry.rule.name}" stands in {there.file}:{there.line} already'
                problem = Located(here.file, here.line, here.column, text)
                problems[file] = (*problems.get(file, ()), problem)
        if file in problems:  # a file that is refused takes no names
            first = {name: entry for name, entry in first.items() if entry.place.file != file}
    return problems


def _check(file: str, content: bytes | str) -> _Checked:
    """The rules of a file, or its problems."""
    try:
        return _Checked(content, entries=_read_file(read_document(content, file=file)))
    except FileErrors as errors:
        return _Checked(content, problems=errors.problems)


def _read_file(document: Document) -> tuple[_Written, ...]:
    """All rules of a document; raises FileErrors with every problem in it."""
    problems: list[Located] = []
    root = Table.root(document, problems)
    root.refuse_unknown({"defaults", "rules", "correlations"})
    defaults = root.table("defaults") or Table(document, ("defaults",), problems, content={})
    _check_defaults(defaults)
    rules = [_read_rule(name, table, defaults) for name, table in _named(root, "rules")]
    correlations = [_read_correlation(name, table, defaults) for name, table in _named(root, "correlations")]
    if problems:
        raise FileErrors(tuple(sorted(set(problems))))
    return tuple(entry for entry in (*rules, *correlations) if entry)


def _named(root: Table, key: str) -> list[tuple[str, Table]]:
    outer = root.table(key)
    if outer is None:
        return []
    if len(outer.content) > _MAX_RULES:
        outer.broken(f"more than {_MAX_RULES:,} {key} in one file")
        return []
    # The name goes without saying: the line is given.
    found = ((name, outer.table(name, base=2)) for name in outer.content)
    return [(name, table) for name, table in found if table is not None]


def _check_defaults(defaults: Table) -> None:
    """Defaults are checked where they stand, even if no rule uses them."""
    defaults.refuse_unknown(_DEFAULTS)
    read_labels(defaults)
    for key in ("no_data", "unit"):
        defaults.text(key)
    defaults.duration("no_data_limit", 0)


def _read_rule(name: str, table: Table, defaults: Table) -> _Written | None:
    before = len(table.problems)
    head = read_head(name, table, defaults, "rule")
    stages = _read_stages(table, defaults)
    _refuse_collisions(table, head.labels, stages)
    if len(table.problems) > before or not stages:
        return None
    rule = Rule(
        name=name,
        title=table.text("title") or name,
        stages=tuple(map(partial(_with_labels, head.labels), stages)),
        kind=head.kind,
        owner=head.owner,
        links=head.links,
        labels=head.labels,
        reopen=head.reopen,
        shadow=head.shadow,
        file=table.document.file,
        line=table.line(),
    )
    return _written(rule, head, table)


def _read_correlation(name: str, table: Table, defaults: Table) -> _Written | None:
    found = read_correlation(name, table, defaults)
    return _written(*found, table) if found else None


def _written(rule: Rule | Correlation, head: Head, table: Table) -> _Written:
    return _Written(rule, head.enabled, table.document.key(table.path, ""))


def _with_labels(labels: Labels, stage: Stage) -> Stage:
    """Marks are held against the labels that the rule adds, too."""
    return replace(stage, within=replace(stage.within, labels=labels)) if stage.within and labels else stage


def _read_stages(table: Table, defaults: Table) -> tuple[Stage, ...]:
    valid = OVERRIDES | _RULE_ONLY | _STAGE_NAMES
    named = [name for name in STAGES if name in table]
    if not named:
        table.refuse_unknown(valid | STAGE_ONLY, _LATER_RULE)
        stage = read_stage(StageName.MINUTES, (table, defaults))
        return (stage,) if stage else ()
    for key in STAGE_ONLY & table.content.keys():
        table.misplaced(key, f"belongs into a stage: this rule has the table {named[0]}")
    table.refuse_unknown(valid | STAGE_ONLY, _LATER_RULE)
    found = []
    for name in named:
        own = table.table(name)
        if own is None:
            continue
        own.refuse_unknown(OVERRIDES | STAGE_ONLY)
        stage = read_stage(name, (own, table, defaults))
        if stage:
            found.append(stage)
    return tuple(found)


def _refuse_collisions(table: Table, labels: Labels, stages: tuple[Stage, ...]) -> None:
    for stage in stages:
        taken = {name for name, _ in labels} & labels_of_result(stage.signal)
        for name in sorted(taken):
            table.wrong("labels", f"sets {name}, which the signal of {stage.name} has already")
