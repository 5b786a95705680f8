"""Wire formats: bytes of other systems to and from columns of samples, one file a format, nothing else.

Pure: no socket, no clock. A decoder takes bytes and the series table and returns one atomic `SampleBatch`, or
raises `FormatError` (and nothing but that) with a stable reason for the counter.
"""
