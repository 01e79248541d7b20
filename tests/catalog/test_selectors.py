"""Counts that may be shown, tables of a page, and what one would need, line by line."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.alliance.models import Vouch
from apps.catalog import selectors, tables
from apps.catalog.needs import needs_of
from tests.catalog.test_pages import DICTIONARY
from tests.factories import CenterFactory, MemberFactory, TrainingTypeFactory
from tests.factories_catalog import DatasetFactory, FileFactory, VersionFactory, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(center):
    made = VersionFactory(dataset=DatasetFactory(center=center))
    for name in ("a", "b", "c", "d", "e", "f", "g", "h"):
        FileFactory(version=made, path=f"{name}.bin")
    FileFactory(version=made, path="z.csv", dictionary=DICTIONARY)
    return published(made)


def test_only_tables_are_shown_as_tables(version):
    assert [table.path for table in selectors.shown_tables(version, 10)] == ["z.csv"]


def test_counts_of_a_column_are_those_that_the_floor_leaves(version):
    (found,) = selectors.safe_counts(version.dataset, "stage").values()

    assert found.values == (("early", 40),)
    assert found.others == 20
    assert selectors.safe_counts(version.dataset, "no such column") == {}


def test_the_counts_of_a_draft_are_nobodys_to_ask_for(version):
    draft = VersionFactory(dataset=DatasetFactory())
    FileFactory(version=draft, dictionary=DICTIONARY)

    assert selectors.safe_counts(draft.dataset, "stage") == {}


def test_a_center_that_raises_its_floor_raises_it_for_all_its_data(version):
    center = version.dataset.center
    center.smallest_count = 50
    center.save()
    version.dataset.center.refresh_from_db()

    assert selectors.floor_of(version.dataset) == 50
    assert selectors.told_of(version)[0].smallest_count == 50
    (found,) = selectors.safe_counts(version.dataset, "stage").values()
    assert found.withheld


@pytest.mark.parametrize(("kind", "bound"), [("text/csv", 1), ("text/csv+gzip", tables.PACKED)])
def test_a_table_that_would_take_long_has_no_dictionary(tmp_path, monkeypatch, kind, bound):
    place = tmp_path / "table.csv"
    place.write_text("sex,age\n" + "f,40\n" * 200)
    size = place.stat().st_size

    monkeypatch.setattr(tables, "LARGEST", size * bound)
    assert tables.dictionary_of(place, kind)
    monkeypatch.setattr(tables, "LARGEST", size * bound - 1)
    assert tables.dictionary_of(place, kind) is None


def test_a_table_that_cannot_be_read_is_kept_without_a_dictionary(tmp_path):
    place = tmp_path / "table.csv.gz"
    place.write_bytes(b"\x1f\x8b broken")

    assert tables.dictionary_of(place, "text/csv+gzip") is None


@pytest.fixture
def needs(version):
    """The lines that are not met, for this member."""

    def lacking(member):
        return {line.words for line in needs_of(member, version.dataset, version) if not line.met}

    return lacking


ALWAYS = {"The owner's approval of your project", "The terms of use accepted"}
FROM_ELSEWHERE = {*ALWAYS, "Agreement in force"}


def vouched(*, until=200, **facts):
    """Somebody for whom their center vouches for so many days."""
    member, day = MemberFactory(**facts), timezone.now().date() + timedelta(days=until)
    Vouch.objects.create(member=member, center=member.center, vouched_by=MemberFactory(), ends_on=day)
    return member


def test_what_is_left_to_ask_for_when_all_else_is_in_order(needs, center):
    assert needs(vouched()) == FROM_ELSEWHERE
    assert needs(vouched(center=center)) == ALWAYS


def test_each_thing_that_is_not_in_order_is_a_line(needs, version):
    assert needs(vouched(until=-1)) == {*FROM_ELSEWHERE, "Your center vouches for you"}
    assert needs(MemberFactory()) == {*FROM_ELSEWHERE, "Your center vouches for you"}
    suspended = vouched(center=CenterFactory(status="suspended"))
    assert needs(suspended) == {*FROM_ELSEWHERE, "Your center is active"}
    TrainingTypeFactory(required_of_all=True)
    assert needs(vouched()) == {*FROM_ELSEWHERE, "Your training is valid"}


def test_a_suspended_owner_is_a_line(needs, version):
    version.dataset.center.status = "suspended"

    assert "The owner is active" in needs(MemberFactory())


@pytest.mark.parametrize(
    ("words", "found"), [("lung", 1), ("LUNG", 1), ("lu", 1), ("'lung' | x", 0), ("", 0), ("\x00", 0)]
)
def test_words_are_looked_for_as_they_begin(words, found):
    dataset = DatasetFactory(title="Lungs of adults")
    published(VersionFactory(dataset=dataset))

    assert selectors.matching(selectors.visible_datasets(MemberFactory()), words).count() == found


def test_the_search_stands_on_its_index():
    """The words are asked for as the index has them, or each search would read every dataset."""
    from django.db import connection

    DatasetFactory()
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
    plan = selectors.matching(selectors.Dataset.objects.order_by(), "lung").explain()

    assert "dataset_words" in plan
