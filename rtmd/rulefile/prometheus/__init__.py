"""Rule files of Prometheus, read and translated into rules of ours: what is carried over, what is not, and why.

`yaml_tree` reads YAML with places, `groups` makes values of rule groups, `templates` reads annotations,
`translate` makes rules of them. Nothing here touches files or prints.
"""
