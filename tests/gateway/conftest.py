"""Tests of the gateway are coroutines: each has an event loop, and a thread, of its own."""

import inspect

import pytest

from tests.loops import ended


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    ended(pyfuncitem.obj(**given))
    return True
