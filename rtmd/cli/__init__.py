"""The verbs of the command line: no policy, one module a group of verbs, everything heavy imported inside a verb."""
