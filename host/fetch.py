"""On a cluster: brings a run's data into the claim that sandboxes mount from; the only pod that speaks to the storage.

`python -m host.fetch RUN FOLDER` asks the portal for the plan, as the host of a single machine does, and makes each
version ready in the cache below FOLDER. What is wrong goes to the pod's termination message, in words for a person.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from host.cache import Cache, CacheError, Expired
from host.plan import PlanError
from host.portal import Portal, Refused
from host.wire import Unreachable
from sandbox.spec import GB

_MOST_PLANS = 50
_LAST_WORDS = Path("/dev/termination-log")


def fetch(portal: Portal, run: str, cache: Cache) -> None:
    """All versions of the run's plan, verified; the plan is asked for anew where its addresses grow old."""
    for _ in range(_MOST_PLANS):
        plan = portal.plan(run)
        try:
            for dataset in plan.datasets:
                cache.make_ready(dataset, by=run)
            return
        except Expired:
            continue
    raise CacheError("The data did not come in time: each new address of a file had grown old before its turn.")


def main(words: list[str], last_words: Path = _LAST_WORDS) -> int:
    """1 where it can't be had; the last words say why."""
    run, folder = words
    portal = Portal(os.environ["CAIA_BASE_URL"], os.environ["CAIA_HOST_SECRET"], "cluster")
    try:
        fetch(portal, run, Cache(Path(folder), int(os.environ.get("CAIA_CACHE_BYTES", 200 * GB))))
    except (Refused, PlanError, CacheError) as error:
        last_words.write_text(str(error), encoding="utf-8")
        return 1
    except Unreachable as error:
        last_words.write_text(f"The data could not be fetched: {error}", encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
