"""rtmd: a rule-driven alerting daemon whose rules are graded reaction protocols."""

__version__ = "0.1.0"
