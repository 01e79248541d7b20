"""Time-ordered identifiers (RFC 9562 UUID version 7), so that rows made together lie together."""

import os
import uuid

from apps.audit.clock import now


def uuid7() -> uuid.UUID:
    """A new identifier: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = int(now().timestamp() * 1000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | 0x7 << 76
    value = (value & ~(0x3 << 62)) | 0x2 << 62
    return uuid.UUID(int=value)
