"""`rtmd check --explain RULE`: what a rule will do, in words and figures, before it does it.

Memory is what the stage would keep if it were alone (rules share what they read alike). "First fires" counts from the
moment the signal jumps far over its threshold and stays there, on warm windows.
"""

from __future__ import annotations

from itertools import chain

from rtmd.model.display import age
from rtmd.model.duration import show_duration
from rtmd.model.rule import GRID, Comparison, Condition, Correlation, Hold, Rule, Stage
from rtmd.model.tiers import has_buckets
from rtmd.promql import show
from rtmd.rulefile.cost import kept

_LABEL_WIDTH = 12
_WITHIN = "judged so long after such a mark with equal labels; else it is false, and what fires clears"


def explain_rule(rule: Rule) -> str:
    """The plan of a rule as lines of text; raw, so pass it through `display.safe` line by line."""
    lines = [
        f"{rule.name} ({rule.file}:{rule.line})",
        *_field("title", rule.title),
        *_field("kind", rule.kind + (", shadow: judged and never reacted to" if rule.shadow else "")),
        *_field("owner", rule.owner),
        *_field("labels", ", ".join(f"{name}={value}" for name, value in rule.labels)),
        *_field("reopen", f"the same firing when it comes back within {show_duration(rule.reopen)}"),
    ]
    for stage in rule.stages:
        lines += ["", stage.name, *_stage(rule, stage)]
    return "\n".join(lines)


def explain_correlation(correlation: Correlation) -> str:
    """What a correlation does, as lines of text; raw, as above."""
    least = f", each at {correlation.at_least} or higher" if correlation.at_least.rank else ""
    severity = correlation.severity or "info, warning or critical, by the stage"
    lines = [
        f"{correlation.name} ({correlation.file}:{correlation.line})",
        *_field("title", correlation.title),
        *_field("kind", correlation.kind + (", shadow: judged and never reacted to" if correlation.shadow else "")),
        *_field("owner", correlation.owner),
        *_field("labels", ", ".join(f"{name}={value}" for name, value in correlation.labels)),
        *_field("fires", f"while {' and '.join(correlation.all)} fire{'s' * (len(correlation.all) == 1)}{least}"),
        *_field("unless", correlation.none and f"{' or '.join(correlation.none)} fires"),
        *_field("joins on", ", ".join(correlation.on) or "nothing: whatever their labels"),
        *_field("stage", "the lowest of the rules' highest stages"),
        *_field("severity", severity),
        *_field("reopen", f"the same firing when it comes back within {show_duration(correlation.reopen)}"),
        *_field("tells", _receivers(correlation.notify)),
        *_field("brakes", ", ".join(correlation.brake)),
        *_field("mutes", "the firings that take part, towards receivers that were told of it"),
    ]
    return "\n".join(lines)


def _stage(rule: Rule, stage: Stage) -> list[str]:
    following = rule.following(stage.name)
    return [
        *_field("title", stage.title if stage.title != rule.title else ""),
        *_field("signal", stage.signal_text),
        *_field("unit", stage.unit),
        *_field("window", show_duration(stage.window) if stage.window else "none: the latest value"),
        *_field("recent", _recent(stage)),
        *_field("guard", stage.guard_text and f"only where {stage.guard_text}"),
        *_field("within", stage.within and f"{stage.within}: {_WITHIN}"),
        *_field("fires", f"{_condition(stage.condition)}{_hold(stage)}"),
        *_field("clears", _clear(stage.condition)),
        *_field("keep", stage.keep and f"keeps firing {show_duration(stage.keep)} after the condition ended"),
        *_field("judged", _judged(stage)),
        *_field("coverage", _coverage(stage)),
        *_field("no data", stage.no_data),
        *_field("confirmed", following and f"by {following.name}" if stage.judge else "not judged"),
        *chain.from_iterable(_field("memory", each) for each in kept(stage)),
        *_field("severity", stage.severity),
        *_field("tells", _receivers(stage.notify)),
        *_field("escalates", stage.escalate and f"by {stage.escalate}, while nobody has it"),
        *_field("runs", ", ".join(stage.run)),
        *_field("proposes", f"{', '.join(stage.propose)}, for {show_duration(stage.expires)}" if stage.propose else ""),
    ]


def _field(name: str, text: object) -> list[str]:
    return [f"  {name:<{_LABEL_WIDTH}}{text}"] if text else []


def _recent(stage: Stage) -> str:
    if stage.recent is None or stage.recent_signal is None:
        return ""
    return f"{show_duration(stage.recent)}: {show(stage.recent_signal)} must agree"


def _condition(condition: Condition) -> str:
    if condition.comparison is Comparison.RESULT:
        return "where the signal has a result"
    return f"when {condition}"


def _hold(stage: Stage) -> str:
    match stage.hold:
        case Hold(count=0, duration=0):
            return ", at once"
        case Hold(count=0, duration=duration):
            return f" for {show_duration(duration)}"
        case Hold(count=count, of=of):
            return f" at {count} of the last {of} grid points" if of > count else f" at {count} grid points in a row"


def _clear(condition: Condition) -> str:
    match condition:
        case Condition(clear_low=float(low), clear_high=float(high)):
            return f"inside [{low:g}, {high:g}]"
        case Condition(comparison=Comparison.ABOVE | Comparison.AT_LEAST, clear=float(clear)):
            return f"at ≤ {clear:g}"
        case Condition(clear=float(clear)):
            return f"at ≥ {clear:g}"
        case _:
            return "as soon as the condition is false"


def _judged(stage: Stage) -> str:
    coarser = stage.grid != GRID[stage.name] and has_buckets(stage.signal, stage.bucket_grid)
    why = ", the width of its buckets" if coarser else ""
    return f"every {show_duration(stage.grid)}{why}; first fires {_first(stage)} after the onset"


def _first(stage: Stage) -> str:
    held = stage.hold.duration or max(0, stage.hold.count - 1) * stage.grid
    eager = stage.eager and not held
    return "at once" if eager else f"{show_duration(held)} to {show_duration(held + stage.grid)}"


def _coverage(stage: Stage) -> str:
    if not stage.window or not stage.coverage:
        return ""
    needed = round(stage.window * stage.coverage)
    return f"{stage.coverage:g}: a new series needs {age(needed)} of samples first"


def _receivers(notify: tuple[str, ...] | None) -> str:
    if notify is None:
        return "the route of rtmd.toml"
    if not notify:
        return "nobody"
    named = [name if name != "@route" else "the route of rtmd.toml" for name in notify]
    return ", ".join(named)
