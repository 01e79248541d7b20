"""Versions: started, described, filled, published and withdrawn; what each refuses."""

import pytest

from apps.alliance.roles import Role
from apps.catalog.models import DatasetVersion
from apps.catalog.services import versions
from apps.core.errors import Invalid, NeedsFreshFactor, NotAllowed, WrongState
from apps.core.models import Message, Notice
from tests.factories import holder
from tests.factories_catalog import REGISTER, TERMS, DatasetFactory, FileFactory, VersionFactory, published

pytestmark = pytest.mark.django_db
FILE = {"path": "a/b.csv", "bytes": 3, "sha256": "ab" * 32, "media_type": "text/csv"}


@pytest.fixture
def dataset(center):
    return DatasetFactory(center=center)


@pytest.fixture
def draft(dataset):
    version = VersionFactory(dataset=dataset)
    FileFactory(version=version, path="table.csv", bytes=12)
    return version


def test_a_new_version_takes_over_what_the_one_before_says(dataset, steward):
    published(VersionFactory(dataset=dataset, licence="ODbL-1.0", records={"patients": 7}))

    made = versions.start(dataset, by=steward, changes="More patients.")

    assert (made.number, made.status, made.licence, made.records) == (2, "draft", "ODbL-1.0", {"patients": 7})
    assert (made.terms, made.changes) == (TERMS, "More patients.")


def test_there_is_one_draft_at_a_time(dataset, steward, draft):
    with pytest.raises(Invalid, match="has a draft already"):
        versions.start(dataset, by=steward, licence="CC0-1.0", terms=TERMS)


def test_terms_that_the_ontology_does_not_know_are_refused(dataset, steward):
    with pytest.raises(Invalid) as refused:
        versions.start(dataset, by=steward, licence="CC0-1.0", terms=[{"code": "DUO:9999999"}])

    assert set(refused.value.fields) == {"terms"}


def test_a_path_is_there_once(draft, steward):
    versions.register_file(draft, by=steward, **FILE)

    with pytest.raises(Invalid, match="in this draft already"):
        versions.register_file(draft, by=steward, **FILE)


@pytest.mark.parametrize("move", ["describe", "register", "drop"])
@pytest.mark.parametrize("state", ["published", "withdrawn"])
def test_what_was_published_is_not_filled_nor_emptied_nor_described_anew(draft, steward, move, state):
    file = draft.files.get()
    versions.publish(draft, by=steward)
    if state == "withdrawn":
        versions.withdraw(draft, by=steward, reason="Wrong.")
    ask = {
        "describe": lambda: versions.describe(draft, by=steward, licence="CC0-1.0"),
        "register": lambda: versions.register_file(draft, by=steward, **FILE),
        "drop": lambda: versions.drop_file(draft, by=steward, file=file),
    }

    with pytest.raises(WrongState, match="never changed"):
        ask[move]()


def test_a_dropped_file_s_bytes_are_to_be_forgotten(draft, steward):
    file = draft.files.get()

    versions.drop_file(draft, by=steward, file=file)

    assert not draft.files.exists()
    assert Message.objects.get(task="catalog.forget_bytes").args == [file.sha256]


def test_publishing_notes_who_when_and_how_much(draft, steward):
    FileFactory(version=draft, path="LICENSE.txt", bytes=30, role="licence or attribution text")

    versions.publish(draft, by=steward)

    draft.refresh_from_db()
    assert (draft.status, draft.published_by, draft.bytes) == ("published", steward, 42)
    assert draft.published_at


@pytest.mark.parametrize("field", sorted(REGISTER))
def test_nothing_is_published_without_the_register(dataset, draft, steward, field):
    type(dataset).objects.filter(pk=dataset.pk).update(**{field: ""})

    with pytest.raises(Invalid, match=f"Missing: {field.replace('_', ' ')} \\(for the register\\)\\.$"):
        versions.publish(draft, by=steward)


@pytest.mark.parametrize(
    ("lacking", "words"), [({"licence": ""}, "the licence"), ({"terms": []}, "the terms of its use")]
)
def test_nothing_is_published_without_licence_and_terms(draft, steward, lacking, words):
    DatasetVersion.objects.filter(pk=draft.pk).update(**lacking)

    with pytest.raises(Invalid, match=f"Missing: {words}\\.$"):
        versions.publish(draft, by=steward)


def test_a_licence_text_alone_is_no_data(draft, steward):
    draft.files.update(role="licence or attribution text")

    with pytest.raises(Invalid, match="Missing: files"):
        versions.publish(draft, by=steward)


@pytest.mark.stale_proof
@pytest.mark.parametrize("move", ["publish", "withdraw"])
def test_publishing_and_withdrawing_ask_for_a_fresh_factor(draft, steward, move):
    if move == "withdraw":
        published(draft, by=steward)
    details = {"reason": "Wrong."} if move == "withdraw" else {}

    with pytest.raises(NeedsFreshFactor):
        getattr(versions, move)(draft, by=steward, **details)


@pytest.mark.parametrize("role", [Role.CENTER_MANAGER, Role.SIGNING_OFFICIAL, Role.OUTPUT_CHECKER, Role.AUDITOR])
def test_only_a_steward_publishes(center, draft, role):
    with pytest.raises(NotAllowed):
        versions.publish(draft, by=holder(role, center))


def test_a_withdrawal_is_told_to_the_center_s_other_stewards(center, draft, steward):
    other = holder(Role.DATA_STEWARD, center)
    versions.publish(draft, by=steward)

    versions.withdraw(draft, by=steward, reason="Two patients objected.")

    draft.refresh_from_db()
    assert (draft.status, draft.reason, draft.withdrawn_by) == ("withdrawn", "Two patients objected.", steward)
    assert [notice.to for notice in Notice.objects.all()] == [other]
    assert "Two patients objected." in Notice.objects.get().text


def test_what_was_withdrawn_is_not_published_again(draft, steward):
    versions.publish(draft, by=steward)
    versions.withdraw(draft, by=steward, reason="Wrong.")

    with pytest.raises(WrongState):
        versions.publish(draft, by=steward)
