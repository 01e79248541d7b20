"""Time-ordered identifiers (RFC 9562 UUID version 7), so that rows made together lie together."""

import os
import uuid
from datetime import datetime

from apps.audit.clock import now


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """A new identifier: 48 bits of Unix milliseconds (of now, unless said otherwise), then 74 random bits."""
    milliseconds = int((at or now()).timestamp() * 1000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | 0x7 << 76
    value = (value & ~(0x3 << 62)) | 0x2 << 62
    return uuid.UUID(int=value)


def first_at(moment: datetime) -> uuid.UUID:
    """The smallest identifier of this millisecond: "since" becomes a bound of the primary key."""
    return uuid.UUID(int=_milliseconds(moment) << 80)


def last_at(moment: datetime) -> uuid.UUID:
    """The largest identifier of this millisecond: "until" becomes a bound of the primary key."""
    return uuid.UUID(int=(_milliseconds(moment) + 1 << 80) - 1)


def _milliseconds(moment: datetime) -> int:
    """Of Unix time, within the 48 bits of an identifier: nothing happened before 1970 or after the year 9999."""
    return max(0, int(moment.timestamp() * 1000))
