"""Who decides about a dataset: its own stewards beside the center's, and how many of them must say yes."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from apps.alliance.roles import Role
from apps.catalog.models import Dataset, DatasetSteward
from apps.catalog.policies import is_steward
from apps.catalog.selectors import drafts_of, stewarded, stewards_of, visible_datasets, visible_versions
from apps.catalog.services import datasets, stewards, versions
from apps.core.errors import Invalid, NeedsFreshFactor, NotAllowed, WrongState
from apps.core.models import Notice
from tests.factories import CenterFactory, MemberFactory, give, holder
from tests.factories_catalog import DatasetFactory, FileFactory, VersionFactory, published, steward_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(center):
    return DatasetFactory(center=center, quorum=2)


@pytest.fixture
def manager(center):
    return holder(Role.CENTER_MANAGER, center)


def reloaded(member):
    return type(member).objects.select_related("center").get(pk=member.pk)


# ── stewards of one dataset ─────────────────────────────────────────────────────────────────────────────────────────
def test_a_manager_appoints_one_of_the_centers_people_for_one_dataset(dataset, manager, center):
    person = MemberFactory(center=center)
    other = DatasetFactory(center=center)

    stewards.appoint(dataset, by=manager, member=person, reason="Knows it best.")

    assert is_steward(reloaded(person), dataset)
    assert not is_steward(reloaded(person), other)
    assert list(stewarded(reloaded(person))) == [dataset]
    assert Notice.objects.get(to=person).path == f"/datasets/{dataset.slug}/"


def test_a_steward_of_one_dataset_publishes_it_and_no_other(dataset, center):
    person = reloaded(steward_of(dataset))
    own, other = VersionFactory(dataset=dataset), VersionFactory(dataset=DatasetFactory(center=center))
    for version in (own, other):
        FileFactory(version=version)

    versions.publish(own, by=person)
    with pytest.raises(NotAllowed, match="Only a data steward of Owner or of this dataset"):
        versions.publish(other, by=person)

    own.refresh_from_db()
    assert own.status == "published"


def test_a_steward_of_one_dataset_sees_its_drafts_alone(dataset, center):
    person = reloaded(steward_of(dataset))
    own, hidden = VersionFactory(dataset=dataset), VersionFactory(dataset=DatasetFactory(center=center))

    assert set(visible_datasets(person)) == {dataset}
    assert set(visible_versions(person)) == {own}
    assert set(drafts_of(person)) == {own}
    assert hidden not in visible_versions(person)


def test_the_centers_stewards_act_as_well(dataset, steward):
    steward_of(dataset)

    assert is_steward(steward, dataset)
    datasets.edit(dataset, by=steward, title="Another title")


def test_the_stewards_of_a_dataset_are_those_for_whom_the_rule_holds(dataset, steward, center):
    """stewards_of, stewarded and is_steward are three readings of one rule."""
    appointed, dismissed, auditor = (steward_of(dataset) for _ in range(3))
    gone = steward_of(dataset)
    stewards.dismiss(dataset.stewards.get(member=dismissed), by=holder(Role.CENTER_MANAGER, center), reason="Done.")
    give(auditor, Role.AUDITOR)
    type(gone).objects.filter(pk=gone.pk).update(status="left")
    people = [steward, appointed, dismissed, auditor, MemberFactory(center=center), holder(Role.DATA_STEWARD)]

    by_rule = {one.pk for one in map(reloaded, people) if is_steward(one, dataset)}

    assert by_rule == {steward.pk, appointed.pk}
    assert set(stewards_of(dataset).values_list("pk", flat=True)) == by_rule
    assert {one.pk for one in map(reloaded, people) if dataset in stewarded(one)} == by_rule


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (lambda center: MemberFactory(), "A center's roles are for its own people"),
        (lambda center: holder(Role.AUDITOR, center), "An auditor can't hold a role that decides"),
        (lambda center: MemberFactory(center=center, status="suspended"), "Only active members"),
        (lambda center: holder(Role.DATA_STEWARD, center), "stewards this dataset already"),
    ],
    ids=["of another center", "an auditor", "suspended", "a steward of the center"],
)
def test_who_can_not_be_appointed(dataset, manager, center, who, words):
    with pytest.raises(Invalid, match=words):
        stewards.appoint(dataset, by=manager, member=who(center), reason="Please.")

    assert not DatasetSteward.objects.exists()


def test_nobody_appoints_themselves_nor_for_another_center(dataset, manager):
    with pytest.raises(NotAllowed, match="Nobody can appoint themselves"):
        stewards.appoint(dataset, by=manager, member=manager, reason="Me.")
    with pytest.raises(NotAllowed, match="Only a center manager of Owner"):
        stewards.appoint(dataset, by=holder(Role.CENTER_MANAGER), member=MemberFactory(), reason="Mine.")


def test_a_steward_lays_it_down_or_is_dismissed_once(dataset, manager):
    person = steward_of(dataset)
    row = dataset.stewards.get()

    stewards.dismiss(row, by=person, reason="No time.")

    assert not is_steward(reloaded(person), dataset)
    with pytest.raises(WrongState, match="ended already"):
        stewards.dismiss(row, by=manager, reason="Again.")


def test_who_stewarded_a_dataset_is_never_rewritten_or_erased(dataset, manager):
    steward_of(dataset)
    row = dataset.stewards.get()
    stewards.dismiss(row, by=manager, reason="Done.")

    for sql in ("set ended_at = null, ended_by_id = null", "set reason = 'x'", "set end_reason = 'x'"):
        with pytest.raises(IntegrityError, match="stays as it was"):
            _done(f"update catalog_datasetsteward {sql}")
    with pytest.raises(ProgrammingError, match="permission denied"):
        _done("delete from catalog_datasetsteward")


def _done(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


# ── how many must say yes ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_steward_raises_it_and_can_not_lower_it(dataset, steward):
    stewards.raise_quorum(dataset, by=steward, quorum=3, reason="More eyes.")
    with pytest.raises(NotAllowed, match="can't lower how many must say yes"):
        stewards.lower_quorum(dataset, by=steward, quorum=1, reason="Mine is enough.")

    assert Dataset.objects.get().quorum == 3


def test_a_manager_who_is_no_steward_lowers_it_and_the_stewards_are_told(dataset, manager, steward):
    own = steward_of(dataset)

    stewards.lower_quorum(dataset, by=manager, quorum=1, reason="One left.")

    assert Dataset.objects.get().quorum == 1
    told = Notice.objects.filter(key__startswith="quorum:")
    assert set(told.values_list("to", flat=True)) == {steward.pk, own.pk}
    assert "One left." in told.first().text


@pytest.mark.parametrize("as_what", ["of the center", "of the dataset"])
def test_a_manager_who_stewards_the_data_does_not_lower_it(dataset, center, as_what):
    both = holder(Role.CENTER_MANAGER, center)
    if as_what == "of the center":
        give(both, Role.DATA_STEWARD)
    else:
        steward_of(dataset, both)

    with pytest.raises(NotAllowed, match="A manager who is no steward of it can"):
        stewards.lower_quorum(dataset, by=reloaded(both), quorum=1, reason="Faster.")


def test_managers_of_other_centers_do_not_lower_it(dataset):
    with pytest.raises(NotAllowed, match="Only a center manager of Owner"):
        stewards.lower_quorum(dataset, by=holder(Role.CENTER_MANAGER, CenterFactory()), quorum=1, reason="Ours.")


@pytest.mark.parametrize("quorum", [2, 1, 6, 0])
def test_raising_raises(dataset, steward, quorum):
    with pytest.raises(Invalid, match="Say more than 2"):
        stewards.raise_quorum(dataset, by=steward, quorum=quorum, reason="So.")


@pytest.mark.parametrize("quorum", [2, 3, 0, -1])
def test_lowering_lowers(dataset, manager, quorum):
    with pytest.raises(Invalid, match="Say less than 2"):
        stewards.lower_quorum(dataset, by=manager, quorum=quorum, reason="So.")


def test_editing_does_not_touch_it(dataset, steward):
    with pytest.raises(Invalid, match="quorum can't change here"):
        datasets.edit(dataset, by=steward, quorum=1)


# ── the pages ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_page_takes_each_to_their_own_step(dataset, steward, manager, browse):
    published(VersionFactory(dataset=dataset))
    path = f"/datasets/{dataset.slug}/quorum/"

    assert "As a steward you can ask for more" in browse(steward).get(path).content.decode()
    assert browse(steward).post(path, {"quorum": "1", "reason": "Less."}).status_code == 403
    assert browse(steward).post(path, {"quorum": "3", "reason": "More."}).status_code == 302
    assert browse(manager).post(path, {"quorum": "1", "reason": "Less."}).status_code == 302

    assert Dataset.objects.get().quorum == 1


def test_a_factor_shown_long_ago_is_not_enough(dataset, steward, browse):
    answer = browse(steward, proof_age=3600).get(f"/datasets/{dataset.slug}/quorum/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/prove/")


def test_a_manager_appoints_and_dismisses_on_the_pages(dataset, manager, center, browse):
    published(VersionFactory(dataset=dataset))
    person = MemberFactory(center=center)
    browser = browse(manager)

    browser.post(f"/datasets/{dataset.slug}/stewards/new/", {"member": str(person.pk), "reason": "Knows it."})
    row = dataset.stewards.get()
    text = browser.get(f"/datasets/{dataset.slug}/").content.decode()
    browser.post(f"/datasets/stewards/{row.pk}/dismiss/", {"reason": "Done."})

    row.refresh_from_db()
    assert person.name in text
    assert row.ended_by == manager


def test_the_gate_asks_for_a_fresh_factor(dataset, steward, monkeypatch):
    monkeypatch.setattr("apps.core.commands.proved_recently", lambda: False)

    with pytest.raises(NeedsFreshFactor):
        stewards.raise_quorum(dataset, by=steward, quorum=3, reason="More.")
