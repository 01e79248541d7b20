"""Datasets: who enters them, what can change, and that the record says which fields did."""

import pytest

from apps.alliance.roles import Role
from apps.audit.models import Event
from apps.catalog.services import datasets
from apps.core.errors import Invalid, NotAllowed
from tests.factories import CenterFactory, holder
from tests.factories_catalog import REGISTER, DatasetFactory, VersionFactory, published

pytestmark = pytest.mark.django_db
FACTS = {
    "title": "Lung CT",
    "modality": "radiology",
    "description": "Scans.",
    "owner_basis": "Made here.",
    "contact": "data@owner.example.org",
    "smallest_count": 10,
}


def details(event):
    return Event.objects.filter(event=event, outcome="success").latest("id").details


def test_a_steward_enters_a_dataset_of_their_center(center, steward):
    made = datasets.enter(center, by=steward, slug="lung-ct", **FACTS)

    assert (made.center, made.slug, made.quorum) == (center, "lung-ct", 1)


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.DATA_STEWARD, Role.ALLIANCE_MANAGER}])
def test_no_other_role_of_the_center_enters_one(center, role):
    with pytest.raises(NotAllowed, match="Only a data steward of Owner"):
        datasets.enter(center, by=holder(role, center), slug="lung-ct", **FACTS)


def test_a_steward_of_another_center_does_not(center):
    with pytest.raises(NotAllowed):
        datasets.enter(center, by=holder(Role.DATA_STEWARD, CenterFactory()), slug="lung-ct", **FACTS)


@pytest.mark.parametrize("slug", ["new", "taken"])
def test_a_name_that_addresses_something_else_is_refused(center, steward, slug):
    DatasetFactory(slug="taken")

    with pytest.raises(Invalid) as refused:
        datasets.enter(center, by=steward, slug=slug, **FACTS)

    assert set(refused.value.fields) == {"slug"}


def test_no_dataset_shows_smaller_counts_than_its_center(center, steward):
    with pytest.raises(Invalid, match="Owner shows no count below"):
        datasets.enter(center, by=steward, slug="lung-ct", **{**FACTS, "smallest_count": center.smallest_count - 1})


def test_an_edit_is_recorded_with_the_names_of_what_changed_and_nothing_else(center, steward):
    dataset = DatasetFactory(center=center, title="Old", contact="old@owner.example.org")

    datasets.edit(dataset, by=steward, title="New", contact="old@owner.example.org", smallest_count=20)

    dataset.refresh_from_db()
    assert (dataset.title, dataset.smallest_count) == ("New", 20)
    assert details("catalog.dataset.edited") == {"fields": ["smallest_count", "title"]}


@pytest.mark.parametrize(("field", "value"), [("modality", "genomics"), ("owner_basis", "Another story.")])
def test_what_a_dataset_is_changes_only_before_it_is_published(center, steward, field, value):
    dataset = DatasetFactory(center=center)
    datasets.edit(dataset, by=steward, **{field: value})
    published(VersionFactory(dataset=dataset))

    with pytest.raises(Invalid, match="can't change any more"):
        datasets.edit(dataset, by=steward, **{field: getattr(DatasetFactory.build(center=center), field)})


@pytest.mark.parametrize("field", sorted({"slug": "x", "center_id": "y"}))
def test_what_is_no_steward_s_to_change_is_refused(center, steward, field):
    dataset = DatasetFactory(center=center)

    with pytest.raises(Invalid, match="can't change"):
        datasets.edit(dataset, by=steward, **{field: "other"})


@pytest.mark.parametrize("field", sorted(REGISTER))
def test_the_register_of_a_published_dataset_is_never_emptied(center, steward, field):
    dataset = DatasetFactory(center=center)
    datasets.edit(dataset, by=steward, **{field: ""})
    datasets.edit(dataset, by=steward, **{field: "Said again."})
    published(VersionFactory(dataset=dataset))

    with pytest.raises(Invalid) as refused:
        datasets.edit(dataset, by=steward, **{field: ""})

    assert set(refused.value.fields) == {field}
