"""Who somebody was who left can be erased: the record goes on, under a reference that names nobody."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import connection

from apps.alliance.models import Member, TrainingRecord
from apps.alliance.services import people
from apps.audit.models import Event
from apps.core.errors import NotAllowed, WrongState
from apps.core.models import Notice
from tests.factories import MemberFactory, TrainingRecordFactory, holder

WHY = "Asked for in writing."


@pytest.fixture
def former(center, manager):
    member = MemberFactory(
        center=center, name="Zenobia Quill", email=f"zenobia@{center.email_domains[0]}", orcid="0000-0002-1825-0097"
    )
    TrainingRecordFactory(member=member, evidence_name="zenobia-quill.pdf")
    Authenticator.objects.create(user=member, type=Authenticator.Type.TOTP, data={"secret": "none"})
    SocialAccount.objects.create(user=member, provider="own", uid="zenobia")
    people.leave(member, by=manager, reason="Moved.")
    return Member.objects.get(pk=member.pk)


def everything_stored():
    """All rows of all tables of the portal, the record included, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables "
            "where schemaname = 'public' or (schemaname, tablename) = ('audit', 'pending')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute(
            " union all ".join(f"select coalesce(string_agg(t::text, ' '), '') from {name} t" for name in tables)
        )
        return " ".join(text for (text,) in cursor.fetchall()).lower()


def test_nothing_in_the_database_names_them_any_more(manager, former):
    assert "zenobia" in everything_stored()

    people.erase_name(former, by=manager, reason=WHY)

    assert "zenobia" not in everything_stored()
    assert "0000-0002-1825-0097" not in everything_stored()


def test_what_they_did_stays_under_their_reference(center, manager, former):
    before = list(Event.objects.filter(target_ref=str(former.pk)).values_list("pk", "entry"))

    people.erase_name(former, by=manager, reason=WHY)

    after = dict(Event.objects.filter(target_ref=str(former.pk)).values_list("pk", "entry"))
    assert before
    assert {pk: after[pk] for pk, _ in before} == dict(before)
    assert str(Member.objects.get(pk=former.pk)) == "A former member"
    assert TrainingRecord.objects.filter(member=former).count() == 1
    assert Event.objects.get(event="alliance.member.erased").reason == WHY
    assert not Notice.objects.filter(to=former).exists()


def test_only_the_name_of_somebody_who_left_is_erased(manager, colleague):
    with pytest.raises(WrongState, match="Close the membership first"):
        people.erase_name(colleague, by=manager, reason=WHY)

    assert Member.objects.get(pk=colleague.pk).name == colleague.name


def test_a_name_is_erased_once(manager, former):
    people.erase_name(former, by=manager, reason=WHY)

    with pytest.raises(WrongState, match="Nothing is left"):
        people.erase_name(former, by=manager, reason=WHY)


def test_another_centers_manager_erases_nobody(former, other_manager):
    with pytest.raises(NotAllowed):
        people.erase_name(former, by=other_manager, reason=WHY)

    assert Member.objects.get(pk=former.pk).name == "Zenobia Quill"


def test_the_address_is_free_again(center, manager, former):
    address = former.email
    people.erase_name(former, by=manager, reason=WHY)

    newcomer = people.invite(center, by=manager, email=address, name="Zenobia Quill")

    assert newcomer.pk != former.pk


def test_the_page_offers_it_to_the_manager_and_then_no_more(browse, manager, former):
    desk = browse(manager)
    assert "Erase the name" in desk.get(f"/people/{former.pk}/").content.decode()

    desk.post(f"/people/{former.pk}/erase/", {"reason": WHY})

    page = desk.get(f"/people/{former.pk}/").content.decode()
    assert "A former member" in page
    assert "Erase the name" not in page
    assert "Invite again" not in page


def test_a_colleague_is_not_offered_it(browse, center, former):
    page = browse(holder("data_steward", center)).get(f"/people/{former.pk}/")

    assert "Erase the name" not in page.content.decode()
