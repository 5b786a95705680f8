"""The words of messages: no language lacks what a message may have to say."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest
from msgspec import structs

from rtmd.config import Lang
from rtmd.model.firing import Outcome
from rtmd.model.mark import MarkKind
from rtmd.model.reaction import RunState, StormPhase
from rtmd.model.rule import Severity, StageName
from rtmd.receivers.words import EN, WORDS

KINDS: Mapping[str, type[StrEnum]] = {
    "titles": StageName,
    "leads": StageName,
    "chances": StageName,
    "stages": StageName,
    "severities": Severity,
    "outcomes": Outcome,
    "runs": RunState,
    "marks": MarkKind,
    "storms": StormPhase,
}


@pytest.mark.parametrize("lang", Lang)
def test_a_language_has_a_word_for_everything_there_is(lang: Lang) -> None:
    tables = {field.name for field in structs.fields(EN) if isinstance(getattr(EN, field.name), Mapping)}
    assert tables == set(KINDS)
    for name, kind in KINDS.items():
        assert set(getattr(WORDS[lang], name)) - {None} == set(kind), name
