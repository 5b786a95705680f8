"""Rules that every daemon has: what rtmd says about itself.

They are ordinary rules over series that the daemon feeds to itself (`sources.refusals`), so everything that is true of
rules is true of them: they are journalled, told, silenced, acknowledged and restored. Their names begin with `rtmd.`,
which rule files may not use.
"""

from __future__ import annotations

from functools import cache

from rtmd.model.replace import replace
from rtmd.model.rule import RuleSet
from rtmd.rulefile.head import BUILT_IN
from rtmd.rulefile.load import load_rules

# `increase` looks back over what was refused lately; alerts that a rule has no room for are counted as they stand.
_TEXT = """
[rules."rtmd.limits"]
title   = "limit {limit} refuses what is new ({of})"
signal  = '''
sum by (limit, of) (increase(rtmd_limit_refused_total[1m]))
or max by (limit, of) (max_over_time(rtmd_limit_refusing[1m]))
'''
above   = 0
keep    = "10m"
no_data = "resolve"
unit    = "refused"
"""


@cache
def built_in() -> RuleSet:
    """The rules themselves."""
    loaded = load_rules({BUILT_IN: _TEXT})
    assert not loaded.problems, loaded.errors  # noqa: S101  # the text is ours
    return RuleSet({name: replace(rule, line=0) for name, rule in loaded.rules.rules.items()})


def is_built_in(name: str) -> bool:
    """Whether a rule of that name is there whatever files say."""
    return name in built_in().rules


def with_built_in(rules: RuleSet) -> RuleSet:
    """What is in force where these rules are."""
    return replace(rules, rules=dict(sorted({**rules.rules, **built_in().rules}.items())))
