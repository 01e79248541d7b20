"""The starter notebooks run from their first cell to their last on the real data, and come to the known results.

The notebook on patient records runs in every test run: it needs the least and goes through the kernel, the tables,
the statistics and the figures. The other three add their own readers (slides, DICOM, variants) and some 30 s: --long.
"""

import pytest

from tests.environments.known import KNOWN

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name", ["ehr", *(pytest.param(name, marks=pytest.mark.long) for name in ("pathology", "radiology", "genomics"))]
)
def test_a_notebook_comes_to_what_is_known(run_notebook, name):
    KNOWN[name](run_notebook(name))
