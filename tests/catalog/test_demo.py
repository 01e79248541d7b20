"""The demo's data: all of it published under its owners, said to be a demo where it is, and brought in only once."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from apps.audit.models import Event
from apps.catalog.demo import FOLDER
from apps.catalog.models import Dataset, DatasetFile, DatasetVersion

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def load(name):
    said = io.StringIO()
    call_command(name, stdout=said)
    return said.getvalue().splitlines()


@override_settings(DEMO=True)
def test_the_demo_alliance_shares_its_data():
    load("load_demo")

    first, again = load("load_demo_data"), load("load_demo_data")

    assert len(first) == len(again) == len(list(FOLDER.iterdir())) == 20
    assert all("is there already" in line for line in again)
    assert set(DatasetVersion.objects.values_list("status", "number")) == {("published", 1)}
    assert {dataset.center.slug for dataset in Dataset.objects.all()} == {
        "fred-hutch", "dana-farber", "msk", "johns-hopkins",
    }  # fmt: skip
    given = Dataset.objects.filter(slug__startswith="ehr-alliance-").order_by("slug")
    assert [dataset.center.slug for dataset in given] == ["fred-hutch", "dana-farber", "msk", "johns-hopkins"]
    assert all("in turn, for the demo" in dataset.owner_basis for dataset in given)
    told = dict(Dataset.objects.values_list("slug", "owner_basis"))
    assert told["ehr-msk-impact-2017"] == "The cohort is Memorial Sloan Kettering's own."
    assert told["genomics-johns-hopkins-khan-srbct"].startswith("Given to it for the demo only. Where it is from: Nat")
    assert DatasetFile.objects.filter(dictionary__isnull=False).count() > 30
    assert Event.objects.filter(event="catalog.version.published", outcome="success").count() == 20
    assert not Event.objects.filter(event__startswith="catalog.", outcome="refused").exists()


@override_settings(DEMO=True)
def test_without_its_owners_it_says_so():
    with pytest.raises(CommandError, match="no center"):
        call_command("load_demo_data")


def test_where_people_are_real_no_demo_is_loaded():
    with pytest.raises(CommandError, match="demo mode"):
        call_command("load_demo_data")
