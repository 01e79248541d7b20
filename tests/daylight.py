"""Noon: what counts in days gives the same answer before and after an action, also where midnight is near."""

from collections.abc import Iterator

import pytest
import time_machine
from django.utils import timezone


@pytest.fixture
def begun_at_noon() -> Iterator[None]:
    """The clock runs, from noon of this day on; whoever turns it does so from there."""
    with time_machine.travel(timezone.now().replace(hour=12, minute=0, second=0, microsecond=0), tick=True):
        yield
