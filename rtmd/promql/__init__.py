"""PromQL text in, our own frozen tree out (`rtmd.model.expr`), behind one gate. The only importer of promql-parser.

`parse` either returns a tree with exactly the meaning Prometheus 3 gives the text, or raises PromqlError with the
offset of what is wrong or not supported; `check` does the same for a tree that did not come from text. Deciding which
series match and computing values is the engine's.
"""

from rtmd.model.functions import AGGREGATIONS, FUNCTIONS
from rtmd.promql.check import check
from rtmd.promql.show import show
from rtmd.promql.tokens import has_window
from rtmd.promql.tree import parse, parse_query, parse_selector

__all__ = ["AGGREGATIONS", "FUNCTIONS", "check", "has_window", "parse", "parse_query", "parse_selector", "show"]
