"""People and workers who act at the same moment: threads with a database connection each, let go together."""

import contextvars
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Self

from django.db import connection, connections

from apps.audit.models import Outcome
from apps.core.errors import PortalError

Act = Callable[[], Any]


class Rivals:
    """So many threads that stay, for many rounds; call it with as many acts for one round."""

    def __init__(self, count: int = 2) -> None:
        self.barrier = threading.Barrier(count)
        self.pool = ThreadPoolExecutor(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._all(*[connections.close_all] * self.barrier.parties)
        self.pool.shutdown()

    def __call__(self, *acts: Act) -> list[Any]:
        """What each act returned, or the exception that it raised; all begin together."""
        return self._all(*acts)

    def _all(self, *acts: Act) -> list[Any]:
        waiting = [self.pool.submit(contextvars.copy_context().run, self._begin, act) for act in acts]
        return [future.result(timeout=60) for future in waiting]

    def _begin(self, act: Act) -> Any:
        self.barrier.wait(timeout=30)
        try:
            return act()
        except BaseException as error:  # noqa: BLE001  (whatever it was, the test looks at it)
            return error


def at_once(*acts: Act) -> list[Any]:
    """One round of as many rivals as there are acts."""
    with Rivals(len(acts)) as rivals:
        return rivals(*acts)


# No notary runs beside these tests: what it would have taken over stays, and to read events is to read all of that.
NEWEST = """
    select entry::json ->> 'outcome', entry::json ->> 'occurred_at' from audit.pending order by id desc limit 50
"""


def judged(outcomes: list[Any], since: datetime) -> int:
    """How many acts went through; nobody met a raw error, and each attempt is on the record."""
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(outcome, PortalError) for outcome in refused), outcomes
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        told = Counter(outcome for outcome, at in cursor.fetchall() if datetime.fromisoformat(at) > since)
    assert told == Counter({Outcome.REFUSED: len(refused), Outcome.SUCCESS: len(outcomes) - len(refused)})
    return len(outcomes) - len(refused)
