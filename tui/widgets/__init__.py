"""Widgets: the virtual table and what stands around it."""
