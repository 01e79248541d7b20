"""Tests of the gateway are coroutines: each has an event loop, and a thread, of its own.

The thread, since a browser that a worker has opened for other tests keeps a loop in the first one.
"""

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest

SECONDS = 60


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    def in_a_loop():
        asyncio.run(asyncio.wait_for(pyfuncitem.obj(**given), SECONDS))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(in_a_loop).result()
    return True
