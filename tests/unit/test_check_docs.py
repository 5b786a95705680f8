"""What the documentation shows is what the program takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rtmd.config import load_config
from rtmd.promql import AGGREGATIONS, FUNCTIONS
from rtmd.replay.ruletest import read_rule_tests
from rtmd.replay.trial import try_case
from rtmd.rulefile.load import load_rules
from rtmd.rulefile.stage import OVERRIDES, STAGE_ONLY

DOCS = Path(__file__).parents[2] / "docs"


def blocks(name: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)


def test_the_rules_of_the_documentation_load() -> None:
    loaded = load_rules({f"{number}.toml": text for number, text in enumerate(blocks("rules.md"))})
    assert loaded.errors == ()
    assert len(loaded.rules.rules) == 9


@pytest.mark.parametrize("number", range(3))
def test_the_rule_tests_of_the_documentation_pass(number: int) -> None:
    text = blocks("testing.md")[number]
    shipped = DOCS.parent / "rules"
    cases = read_rule_tests(
        text, file="t.test.toml", find=lambda names: {each: (shipped / each).read_bytes() for each in names or ()}
    )
    assert [verdict.failures for verdict in map(try_case, cases)] == [()] * len(cases)


def test_the_configuration_of_the_documentation_loads() -> None:
    (text,) = blocks("configuration.md")
    config = load_config(
        text, file="rtmd.toml", base=Path("/etc/rtmd"), env={}, read_credential=lambda path: f"from-{path.name}"
    )
    assert set(config.receivers) == {"log", "desk", "pager"}


def test_the_sources_and_rules_of_the_ways_in_load() -> None:
    texts = blocks("ingest.md")
    rules = load_rules({f"{number}.toml": text for number, text in enumerate(texts) if "[rules." in text})
    assert rules.errors == ()
    assert set(rules.rules.rules) == {"slow", "surge", "load", "load-tagged"}
    sources = "".join(text for text in texts if "[sources." in text)
    config = load_config(sources, file="rtmd.toml", base=Path("/etc/rtmd"), env={})
    assert {source.name for source in config.sources} == {"node", "host", "statsd", "graphite"}


def test_every_key_and_function_is_documented() -> None:
    text = (DOCS / "rules.md").read_text() + (DOCS / "promql.md").read_text()
    missing = [word for word in (*OVERRIDES, *STAGE_ONLY, *FUNCTIONS, *AGGREGATIONS) if f"`{word}`" not in text]
    assert missing == []
