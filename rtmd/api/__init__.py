"""The HTTP side: ingest, operator API, event stream, metrics, over the Unix socket and loopback TCP.

Requests become inputs, answers come back after the commit; reads look at the pipeline between two steps.
"""
