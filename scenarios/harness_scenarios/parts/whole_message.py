"""Read a message that ends where the stream ends."""

from __future__ import annotations

from harness.api import ByteStream

_MOST_AT_ONCE = 65_536


async def receive_to_eof(stream: ByteStream, expected_bytes: int, parts: list[bytes] | None = None) -> bytes:
    """Return everything up to the end of the stream.

    `expected_bytes` only sizes the reads: one byte more than expected, so that a surplus is seen and a small
    message does not allocate a large buffer. Received bytes are appended to `parts`, which keeps them if this call is
    cancelled.
    """
    at_once = min(_MOST_AT_ONCE, expected_bytes + 1)
    parts = [] if parts is None else parts
    while part := await stream.receive_some(at_once):
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
