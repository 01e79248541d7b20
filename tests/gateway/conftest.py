"""Tests of the gateway are coroutines: each has an event loop, and a thread, of its own."""

import inspect

import pytest

from tests.loops import ended


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    seconds = 240 if pyfuncitem.get_closest_marker("slow") else 60  # a browser and a JupyterLab take their time
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    ended(pyfuncitem.obj(**given), seconds=seconds)
    return True
