"""How many people a dataset is about is not said where they are few, wherever the catalog says what it holds."""

import json

import pytest

from apps.catalog.croissant import croissant
from apps.catalog.dcat import dcat
from apps.catalog.holdings import holdings, is_of_things
from apps.catalog.models import DatasetVersion
from apps.catalog.selectors import told_of
from tests.factories import CenterFactory, MemberFactory
from tests.factories_catalog import DatasetFactory, VersionFactory, published


def held(floor=10, **records):
    return dict(holdings(DatasetVersion(records=records), floor))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "fewer than 10"), (3, "fewer than 10"), (9, "fewer than 10"), (10, "10"), (10_336, "10,336"),
        ("3", "fewer than 10"), ("1,096", "1,096"), ("3 or 4", "not shown"), (-5, "not shown"), ("", "not shown"),
    ],
)  # fmt: skip
def test_a_number_of_people_obeys_the_floor(value, words):
    assert held(patients=value) == {"patients": words}


@pytest.mark.parametrize("name", ["slides", "dicom_files", "slices", "variants", "genes_per_file", "institutions"])
def test_a_number_of_things_is_said(name):
    assert is_of_things(name)
    assert held(**{name: 1}) == {name: "1"}


@pytest.mark.parametrize(
    "name", ["patients", "samples", "samples_with_mutations", "Patients in slides", "patients_annotated", "rows", "odd"]
)
def test_whatever_may_stand_for_people_is_held_to_the_floor(name):
    assert held(**{name: 2}) == {name: "fewer than 10"}


def test_a_stretch_of_the_genome_is_told_as_it_is():
    assert held(reference_region="1:22376052-22474891") == {"reference_region": "1:22376052-22474891"}


@pytest.fixture
def dataset(db):
    """Three patients; the center's floor is above the dataset's own, as one that was raised later."""
    dataset = DatasetFactory(slug="few", center=CenterFactory(smallest_count=25), smallest_count=10)
    published(VersionFactory(dataset=dataset, records={"patients": 23, "slides": 4}))
    return dataset


@pytest.mark.parametrize("path", ["/datasets/", "/datasets/few/"])
def test_list_and_page_say_fewer_than_the_center_s_floor(browse, dataset, path):
    text = browse(MemberFactory()).get(path).content.decode()

    assert "fewer than 25 patients" in text
    assert "23 patients" not in text
    assert ">23<" not in text
    assert "4 slides" in text or ">4<" in text


def test_the_descriptions_for_machines_hold_no_count_of_people(dataset):
    told = told_of(dataset.versions.get())

    for description in (croissant(*told, "https://portal.test"), dcat(*told, "https://portal.test")):
        words = json.dumps(description)
        assert "patients" not in words
        assert '"23"' not in words
        assert " 23" not in words
