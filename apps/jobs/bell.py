"""The bell by which a host hears at once that there is something to do. Where it does not ring, the host asks soon."""

import time

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo

CHANNEL = "jobs_for_hosts"
LONGEST = 5.0  # seconds that a host waits in one request
_CONNECT = 5  # seconds


def ring(host: str) -> None:
    """Wake the host of this name, once the transaction at work has committed."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_notify(%s, %s)", [CHANNEL, host])


def wait(host: str, seconds: float) -> bool:
    """Whether the bell rang for this host within so many seconds. Holds a connection of its own meanwhile."""
    until = time.monotonic() + min(seconds, LONGEST)
    with psycopg.connect(_place(), autocommit=True, connect_timeout=_CONNECT) as line:
        line.execute(f"listen {CHANNEL}")
        while (left := until - time.monotonic()) > 0:
            if any(rung.payload == host for rung in line.notifies(timeout=left, stop_after=1)):
                return True
    return False


def _place() -> str:
    parts = connection.settings_dict
    named = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    return make_conninfo(**{name: str(parts[key]) for name, key in named.items() if parts.get(key)})
