"""What the house's tests share."""

from tests.house.samples import world  # noqa: F401
