"""Guessing is slow from any one address, and never locks the owner out.

Counted in Redis: five failures within five minutes close the way from that address to that account, and from nowhere
else. Beyond a hundred failures within an hour from everywhere, an account opens only to addresses from which its owner
came before. A passkey can't be guessed and is not counted. Without Redis nobody is let in (503): a door that can't
count stays closed.
"""

import hashlib
import time
from collections.abc import Callable

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

from apps.core.errors import PortalError
from apps.core.middleware import client_address

FROM_ONE_ADDRESS = {"tries": "5/5m/key"}
FROM_EVERYWHERE = 100
HOUR = 3600


class Throttled(PortalError):
    """Too many tries; `seconds` until the next may help."""

    status = 429
    seconds = 300


class Try:
    """One counted try to get into one account, from the request's address. `account` is hashed before it is kept."""

    def __init__(self, request: HttpRequest, account: str) -> None:
        self.request = request
        self._account = hashlib.sha256(account.lower().encode()).hexdigest()
        self._usage: ratelimit.RateLimitUsage | None = None

    def begin(self, *, is_known_address: Callable[[], bool]) -> None:
        """Count it; raises Throttled when there were too many."""
        address = ratelimit.truncate_ip(client_address(self.request))
        self._usage = ratelimit.consume(
            self.request, app="caia", action="tries", config=FROM_ONE_ADDRESS, key=f"{self._account}|{address}"
        )
        if not self._usage:
            raise Throttled("Too many tries from your address for this account. Wait five minutes, then try again.")
        if self._count_everywhere() > FROM_EVERYWHERE and not is_known_address():
            raise Throttled(
                "Somebody is trying hard to get into this account, so for an hour it only opens to a passkey, or at a "
                "place where it was opened before."
            )

    def succeeded(self) -> None:
        """It was no failure after all."""
        if self._usage:
            self._usage.rollback()
        key = self._key_everywhere()
        if cache.get(key):
            cache.decr(key)

    def _count_everywhere(self) -> int:
        key = self._key_everywhere()
        cache.add(key, 0, timeout=HOUR)
        return int(cache.incr(key))

    def _key_everywhere(self) -> str:
        return f"tries:{self._account}:{int(time.time() // HOUR)}"
