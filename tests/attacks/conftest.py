"""The sample alliance of the house's tests, tried by people who mean it no good."""

from tests.house.samples import world  # noqa: F401
