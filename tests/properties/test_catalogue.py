"""Selectors and series find each other, whichever comes first: as if every selector tried every series."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtmd.engine.catalogue import Catalogue
from rtmd.formats.batch import SeriesTable
from rtmd.matching import compile_matchers
from rtmd.model.labels import METRIC_NAME, Labels, labels_of
from rtmd.model.matcher import Matcher, MatchOp

NAMES = st.sampled_from([METRIC_NAME, "a", "b"])
VALUES = st.sampled_from(["", "x", "y", "z"])
MATCHERS = st.lists(
    st.builds(Matcher, NAMES, st.sampled_from([*[MatchOp.EQUAL] * 3, *MatchOp]), VALUES), min_size=1, max_size=3
).map(tuple)
SERIES = st.dictionaries(NAMES, VALUES, max_size=3).map(labels_of)
DEEDS = st.lists(st.one_of(MATCHERS, st.lists(SERIES, max_size=4), st.integers(0, 9)), max_size=12)


@given(DEEDS)
def test_selectors_have_the_series_that_they_match(deeds: list[tuple[Matcher, ...] | list[Labels] | int]) -> None:
    table = SeriesTable()
    catalogue = Catalogue(table)
    for deed in deeds:
        before = {selection: len(selection) for selection in catalogue.selections.values()}
        match deed:
            case tuple():
                catalogue.find(deed)
            case list():
                for labels in deed:
                    table.intern(labels)
                grown = catalogue.bind()
                assert set(grown) == {each for each in before if len(each) > before[each]}
            case number if before:
                catalogue.drop(list(before)[number % len(before)])
        for matchers, selection in catalogue.selections.items():
            matches = compile_matchers(matchers)
            assert selection.series.tolist() == [series for series, labels in table.since(0) if matches(labels)]
