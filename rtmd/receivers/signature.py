"""Signatures of webhooks: HMAC-SHA256 over `timestamp.key.body`, so that a receiver knows who wrote it and when.

`X-Rtmd-Timestamp` has the seconds since the epoch at which the attempt was made, `Idempotency-Key` the key, and
`X-Rtmd-Signature` one `v1=…` in hex for each secret in use, with commas between them: two while one takes over from
the other. Who checks takes the request if any of them is right and the timestamp is not old.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

TIMESTAMP = "X-Rtmd-Timestamp"
SIGNATURE = "X-Rtmd-Signature"


def signature_headers(secrets: Sequence[str], *, at: int, key: str, body: bytes) -> dict[str, str]:
    """The headers of an attempt made at wall time `at` (ms); none without secrets."""
    if not secrets:
        return {}
    timestamp = str(at // 1000)
    signed = f"{timestamp}.{key}.".encode() + body
    digests = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return {TIMESTAMP: timestamp, SIGNATURE: ",".join(f"v1={digest}" for digest in digests)}
