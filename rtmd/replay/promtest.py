"""promtool's own rule tests (`promtool test rules FILE.yml`), run on imported rules by our pipeline.

The rule files that a test names are translated as `rtmd import prometheus` does it, with the test's evaluation
interval as the grid of every rule: that is how promtool evaluates. Time begins at 0, as there. Alerts are compared
with the labels and annotations that Prometheus would give them; templates that need more than labels and the value
are not compared, and recording rules are not there: a remark says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from rtmd.errors import FileErrors, Located, PromqlError
from rtmd.model.duration import show_duration
from rtmd.model.expr import Expr, Selector
from rtmd.model.firing import Firing
from rtmd.model.labels import Labels, labels_of, show
from rtmd.model.matcher import MatchOp
from rtmd.model.rule import MINUTE, SECOND
from rtmd.promql import parse
from rtmd.replay.expect import Between, Evaluation, misjudged
from rtmd.replay.notation import parse_series, parse_values
from rtmd.replay.seen import seen
from rtmd.replay.trial import Case, Deed, Failure, Line, Trial
from rtmd.rulefile.load import load_rules
from rtmd.rulefile.prometheus.groups import PromGroup, duration_of, read_groups
from rtmd.rulefile.prometheus.templates import read_template, render
from rtmd.rulefile.prometheus.translate import Translated, Translation, translate
from rtmd.rulefile.prometheus.yaml_tree import Node, Reader, read_yaml

# Gives the files (path → content) that these patterns name, relative to the test.
FindFiles = Callable[[Sequence[str]], Mapping[str, bytes]]

_NO_VALUES = {".nan": "nan", ".inf": "inf", "+.inf": "inf", "-.inf": "-inf"}


class Expected(Struct, frozen=True):
    """An alert as promtool writes it: all its labels but `alertname`, and its annotations."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    def __str__(self) -> str:
        return show(labels_of(self.labels)) + (f" {show(labels_of(self.annotations))}" if self.annotations else "")


class ExpectingAlerts(Struct, frozen=True):
    """Exactly these alerts of a name fire at a time."""

    at: int
    place: Located
    alert: str
    rules: tuple[Translated, ...]
    expected: tuple[Expected, ...]

    def act(self, trial: Trial) -> Iterator[Failure]:
        """Look at what fires."""
        left = self.alerts(trial)
        missing = []
        for wanted in self.expected:
            found = next((each for each in left if each.is_as(wanted)), None)
            if found is None:
                missing.append(wanted)
            else:
                left.remove(found)
        if not missing and not left:
            return
        lines = [f"expected  {each}" for each in missing] + [f"found     {each.alert}" for each in left]
        lines += (
            [] if left else ["found     nothing more" if len(missing) < len(self.expected) else "found     nothing"]
        )
        for rule in self.rules:
            lines += seen(trial, rule.name, set())
        problem = f"{self.place.problem}, at {show_duration(self.at)}: {self.alert} does not fire as expected"
        yield Failure(Located(self.place.file, self.place.line, 0, problem), tuple(lines))

    def alerts(self, trial: Trial) -> list[Shown]:
        """What all rules of that name fire now."""
        of = {rule.name: rule for rule in self.rules}
        burning = (firing for firing in trial.firings.values() if firing.open and firing.rule in of)
        return [_shown(trial, firing, of[firing.rule]) for firing in burning]


class Shown(Struct, frozen=True):
    """A firing as Prometheus would show it; names in `unsure` have templates that cannot be read."""

    alert: Expected
    unsure: frozenset[str]

    def is_as(self, wanted: Expected) -> bool:
        """Whether it is the expected one, as far as that can be said."""
        return self._same(self.alert.labels, wanted.labels) and self._same(self.alert.annotations, wanted.annotations)

    def _same(self, ours: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
        return {name: text for name, text in ours.items() if name not in self.unsure} == {
            name: text for name, text in theirs.items() if name not in self.unsure
        }


def _shown(trial: Trial, firing: Firing, rule: Translated) -> Shown:
    own = dict(firing.labels)
    value = trial.value(firing)
    unsure = set()
    texts: list[dict[str, str]] = []
    for templates in (rule.origin.labels, rule.origin.annotations):
        texts.append({})
        for name, template in templates.items():
            parts = read_template(template)
            if parts is None:
                unsure.add(name)
            else:
                texts[-1][name] = render(parts, own, float("nan") if value is None else value)
    labels, annotations = texts
    return Shown(Expected(dict(labels_of({**own, **labels})), annotations), frozenset(unsure))


class ExpectingSamples(Struct, frozen=True):
    """An expression is worth this at a time."""

    at: int
    place: Located
    evaluation: Evaluation

    def act(self, trial: Trial) -> Iterator[Failure]:
        """Evaluate it."""
        details = tuple(misjudged(self.evaluation, trial))
        if details:
            text = " ".join(self.evaluation.text.split())
            problem = f"{self.place.problem}, at {show_duration(self.at)}: {text} is not as expected"
            yield Failure(Located(self.place.file, self.place.line, 0, problem), details)


def read_prom_tests(
    content: bytes | str, *, file: str, find: FindFiles
) -> tuple[tuple[Case, ...], tuple[Located, ...]]:
    """The cases of a test file, and which of its rules are not there; raises FileErrors with every mistake."""
    root = read_yaml(content, file=file)
    reader = Reader(file)
    if reader.child(root, "tests") is None:
        raise FileErrors((Located(file, root.line, 0, "there are no tests: this is no rule test of promtool"),))
    every = duration_of(reader, reader.child(root, "evaluation_interval"), "evaluation_interval") or MINUTE
    if every < SECOND:
        reader.wrong(root, "evaluation_interval must be at least 1s")
    groups = _groups(find([text for _, text in reader.texts(root, "rule_files")]))
    translation = translate(groups, every=max(every, SECOND))
    cases = _Cases(reader, translation, every)
    found = tuple(cases.read(number, node) for number, node in enumerate(reader.mappings(root, "tests"), 1))
    if reader.problems:
        raise FileErrors(tuple(sorted(reader.problems)))
    return found, translation.left_out


def _groups(files: Mapping[str, bytes]) -> dict[str, tuple[PromGroup, ...]]:
    groups: dict[str, tuple[PromGroup, ...]] = {}
    problems: list[Located] = []
    for file, content in files.items():
        try:
            groups[file] = read_groups(content, file=file)
        except FileErrors as errors:
            problems += errors.problems
    if problems:
        raise FileErrors(tuple(problems))
    return groups


class _Cases:
    """Reads one test group after the other; mistakes go to the reader."""

    def __init__(self, reader: Reader, translation: Translation, every: int) -> None:
        self._reader = reader
        self._every = every
        self._rules = translation.rules
        self._set = load_rules({"imported rules": translation.document()} if translation.rules else {}).rules

    def read(self, number: int, node: Node) -> Case:
        """One test group."""
        reader = self._reader
        name = reader.text(node, "name") or f"test {number}"
        interval = duration_of(reader, reader.child(node, "interval"), "interval") or self._every
        lines = tuple(self._lines(node, interval))
        deeds: list[Deed] = [self._alerts(each, name) for each in reader.mappings(node, "alert_rule_test")]
        for each in reader.mappings(node, "promql_expr_test"):
            samples = self._samples(each, name)
            deeds += [] if samples is None else [samples]
        return Case(name, Located(reader.file, node.line, 0, name), self._set, lines, tuple(deeds), 0)

    def _lines(self, node: Node, interval: int) -> Iterator[Line]:
        for each in self._reader.mappings(node, "input_series"):
            series, values = self._reader.text(each, "series"), self._reader.text(each, "values")
            try:
                steps, numbers = parse_values(values)
                yield Line(parse_series(series), steps * interval, numbers)
            except ValueError as error:
                self._reader.wrong(each, str(error))

    def _at(self, node: Node) -> int:
        return duration_of(self._reader, self._reader.child(node, "eval_time"), "eval_time")

    def _alerts(self, node: Node, name: str) -> ExpectingAlerts:
        reader = self._reader
        alert = reader.text(node, "alertname")
        rules = tuple(rule for rule in self._rules if rule.origin.name == alert)
        if not alert:
            reader.wrong(node, "alertname is missing")
        expected = tuple(
            Expected(dict(labels_of(reader.pairs(each, "exp_labels"))), reader.pairs(each, "exp_annotations"))
            for each in reader.mappings(node, "exp_alerts")
        )
        return ExpectingAlerts(self._at(node), Located(reader.file, node.line, 0, f'"{name}"'), alert, rules, expected)

    def _samples(self, node: Node, name: str) -> ExpectingSamples | None:
        reader = self._reader
        text = reader.text(node, "expr")
        expr = self._expr(node, text)
        rows = tuple((self._labels(each), self._value(each)) for each in reader.mappings(node, "exp_samples"))
        if expr is None:
            return None
        place = Located(reader.file, node.line, 0, f'"{name}"')
        return ExpectingSamples(self._at(node), place, Evaluation(expr, text, None, rows))

    def _expr(self, node: Node, text: str) -> Expr | None:
        try:
            return parse(text)
        except PromqlError as error:
            self._reader.wrong(self._reader.child(node, "expr") or node, error.problem)
            return None

    def _labels(self, node: Node) -> Labels:
        text = self._reader.text(node, "labels").strip()
        if text in {"", "{}"}:
            return ()
        try:
            found = parse(text)
        except PromqlError as error:
            self._reader.wrong(node, f"labels: {error.problem}")
            return ()
        if not isinstance(found, Selector) or any(each.op is not MatchOp.EQUAL for each in found.matchers):
            self._reader.wrong(node, 'labels must be like {name="value"}')
            return ()
        return labels_of((each.name, each.value) for each in found.matchers)

    def _value(self, node: Node) -> Between:
        text = self._reader.text(node, "value").strip().lower()
        try:
            value = float(_NO_VALUES.get(text, text))
        except ValueError:
            self._reader.wrong(node, "value must be a number: native histograms are not supported")
            value = 0.0
        return Between(value, value)
