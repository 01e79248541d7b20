"""A place to start sandboxes in, below a folder that any uid may pass."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.sandbox.place import Place, places


@pytest.fixture
def place() -> Iterator[Place]:
    with TemporaryDirectory(prefix="caia-") as folder:
        Path(folder).chmod(0o755)
        yield from places(Path(folder))
