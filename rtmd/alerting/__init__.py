"""Alerting: everything between a firing and a person, pure.

Silences, the ledger of who was told what, routes, acks and runs. It is given firings and time and answers what
is to be said or run; it never sees a sample and never talks to anybody.
"""
