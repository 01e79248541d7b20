"""A draft that is given up: never sent, seen as it was, in nobody's way."""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.agreements.models import AgreementVersion
from apps.agreements.selectors import visible_to
from apps.agreements.services import drafts
from apps.alliance.roles import Role
from apps.core.errors import NotAllowed, WrongState
from apps.core.models import Notice
from tests.factories import CenterFactory, holder
from tests.factories_agreements import drafted, official, reloaded, sent, signature

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(db):
    return drafted(title="Another try")


@pytest.fixture
def manager(version):
    return holder(Role.CENTER_MANAGER, version.agreement.providing)


def in_force():
    """An agreement that both signed."""
    version = sent()
    for center in (version.agreement.providing, version.agreement.receiving):
        version.signed_at = signature(version, official(center)).signed_at
    version.status = "in_force"
    version.save()
    return version


@pytest.mark.parametrize("reason", ["", "Another template fits better."])
def test_a_manager_gives_a_draft_up_with_a_reason_or_without(version, manager, reason):
    drafts.discard(version, by=manager, reason=reason)

    found = reloaded(version)
    assert (found.status, found.reason) == ("discarded", reason)
    assert reason in Notice.objects.get(to=version.created_by).text


@pytest.mark.parametrize("side", ["providing", "receiving"])
def test_neither_officials_nor_the_other_center_discard_it(version, side):
    other = getattr(version.agreement, side)
    person = official(other) if side == "providing" else holder(Role.CENTER_MANAGER, other)

    with pytest.raises(NotAllowed, match="Only a center manager of"):
        drafts.discard(version, by=person)


def test_what_went_out_is_called_back_before_it_is_discarded(manager, version):
    out = sent(providing=version.agreement.providing)
    with pytest.raises(WrongState):
        drafts.discard(out, by=manager)

    drafts.recall(out, by=manager, reason="Other words.")
    drafts.discard(reloaded(out), by=manager)

    assert reloaded(out).status == "discarded"


def test_nothing_more_is_done_with_it(version, manager):
    drafts.discard(version, by=manager)

    for act in (drafts.send, drafts.discard):
        with pytest.raises(WrongState):
            act(reloaded(version), by=manager)


@pytest.mark.parametrize("change", ["status = 'draft'", "reason = 'x'", "ends_on = ends_on + 1", "number = 9"])
def test_it_stays_as_it_was_for_every_way_in(version, manager, change):
    drafts.discard(version, by=manager)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"update agreements_agreementversion set {change} where id = %s", [version.pk])


def test_what_is_in_force_is_never_discarded_by_any_way_in(db):
    version = in_force()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update agreements_agreementversion set status = 'discarded' where id = %s", [version.pk])


def test_another_amendment_can_follow_one_that_was_discarded(browse):
    base = in_force()
    manager = holder(Role.CENTER_MANAGER, base.agreement.providing)
    first = drafts.amend(base.agreement, by=manager)
    drafts.discard(first, by=manager, reason="Not like that.")

    second = drafts.amend(base.agreement, by=manager)

    assert (first.number, second.number) == (2, 3)
    assert list(AgreementVersion.objects.order_by("number").values_list("status", flat=True)) == [
        "in_force", "discarded", "draft",
    ]  # fmt: skip
    drafts.send(second, by=manager)


def test_the_page_offers_it_and_shows_it_afterwards(browse, version, manager):
    browser = browse(manager)
    page = f"/agreements/{version.agreement_id}/"
    assert "Give this draft up?" in browser.get(page).content.decode()

    answer = browser.post(f"/agreements/versions/{version.pk}/discard/", {"reason": ""})

    assert answer.status_code == 302
    text = browser.get(page).content.decode()
    assert "gave this draft up" in text
    assert "Send for signature" not in text


def test_an_amendment_is_offered_again_where_the_last_was_discarded(browse):
    base = in_force()
    manager = holder(Role.CENTER_MANAGER, base.agreement.providing)
    drafts.discard(drafts.amend(base.agreement, by=manager), by=manager)

    text = browse(manager).get(f"/agreements/{base.agreement_id}/").content.decode()

    assert "Draft an amendment" in text
    assert "v2" not in browse(manager).get("/agreements/").content.decode()


def test_a_reason_that_is_too_long_changes_nothing(browse, version, manager):
    browse(manager).post(f"/agreements/versions/{version.pk}/discard/", {"reason": "x" * 501})

    assert reloaded(version).status == "draft"


def test_another_center_does_not_even_find_it(browse, version):
    stranger = holder(Role.CENTER_MANAGER, CenterFactory())

    assert browse(stranger).post(f"/agreements/versions/{version.pk}/discard/").status_code == 404


def test_an_auditor_of_the_receiving_center_does_not_see_what_was_never_sent(version):
    """Neither in the list nor by its address: its draft is the other center's own."""
    receiving = version.agreement.receiving
    auditor = holder(Role.AUDITOR, receiving.alliance, center=receiving)
    other = holder(Role.AUDITOR, receiving.alliance, center=CenterFactory())

    assert not visible_to(auditor).exists()
    assert visible_to(other).exists()
