"""A coroutine, run to its end in a loop and a thread of its own.

The thread, since a browser that a worker has opened for other tests keeps a loop in the first one.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def ended(coroutine, *, seconds=60):
    """What `coroutine` returns; TimeoutError after `seconds`."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(asyncio.wait_for(coroutine, seconds))).result()
