"""Is the portal alive, and does each part that it leans on answer?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError

from apps.core.errors import NotFound, Unavailable
from apps.core.gateways import Objects
from apps.core.tasks import HEARTBEAT

STALE_BEAT = 45.0  # seconds
MORE: dict[str, Callable[[], "Part"]] = {}  # what apps above the kernel watch; they enter it when they are ready


@dataclass(frozen=True)
class Part:
    """One part's state in words."""

    ok: bool
    words: str


def parts() -> dict[str, Part]:
    """Each part's state, all asked at once."""
    checks: dict[str, Callable[[], Part]] = {
        "database": _database,
        "cache": _cache,
        "objects": _objects,
        "background work": _background,
        **MORE,
    }
    with ThreadPoolExecutor(len(checks)) as pool:
        futures = {name: pool.submit(check) for name, check in checks.items()}
        return {name: future.result() for name, future in futures.items()}


def as_json(found: dict[str, Part]) -> dict[str, object]:
    """Ready means that people can work: without the database nothing can be shown or changed."""
    return {"ready": found["database"].ok, "parts": {name: asdict(part) for name, part in found.items()}}


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        return Part(True, "answers")
    except (DatabaseError, PoolTimeout):
        return Part(False, "does not answer; nothing can be shown or changed")
    finally:
        connection.close()


def _cache() -> Part:
    try:
        cache.set("core:health", 1, timeout=5)
        return Part(True, "answers")
    except RedisError:
        return Part(False, "does not answer; sign-in throttles and quick delivery wait for it")


def _objects() -> Part:
    try:
        Objects().ping()
        return Part(True, "answers")
    except (Unavailable, NotFound):
        return Part(False, "does not answer; files can't be opened or sent")


def _background() -> Part:
    try:
        beat = cache.get(HEARTBEAT)
    except RedisError:
        return Part(False, "unknown while the cache does not answer")
    if beat is None:
        return Part(False, "no sign of life yet")
    age = timezone.now().timestamp() - float(beat)
    return Part(age < STALE_BEAT, f"last sign of life {age:.0f} s ago")
