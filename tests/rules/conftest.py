"""What the rules' tests share: the sample alliance."""

from tests.house.samples import world  # noqa: F401
