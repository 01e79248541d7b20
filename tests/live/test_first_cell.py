"""The whole way once: sign in, start, a cell next to the data, stop; nothing of it imitated."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]


def test_a_cell_runs_next_to_the_data(site):
    project = site.project("Rosa Jimenez", "ehr-alliance-gbsg2")
    rosa = site.person("Rosa Jimenez")

    with rosa.at_work(project) as lab:
        ran = lab.execute("import pandas as pd\nprint(len(pd.read_csv('/data/ehr-alliance-gbsg2/gbsg2.csv')))")

    assert (ran.text, ran.error) == ("686\n", "")
    assert "Start" in rosa.page_of(project)
