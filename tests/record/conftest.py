"""The record's pure parts need no database; both verifiers run beside the tests, one process each."""

import pytest

from tests.record.judges import Judges


@pytest.fixture(scope="session")
def judges(tmp_path_factory):
    both = Judges(tmp_path_factory.mktemp("bundles"))
    yield both
    both.close()
