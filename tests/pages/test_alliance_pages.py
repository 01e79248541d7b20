"""People at work: a manager through the queue, a center from application to admission, and refusals that help."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from apps.alliance.invitations import link_for
from apps.alliance.models import Center, Grant, Member, TrainingRecord
from apps.alliance.roles import Role
from apps.audit.models import Event, Outcome
from apps.core.models import Message
from tests.factories import (
    PDF,
    CenterFactory,
    InvitationFactory,
    MemberFactory,
    TrainingRecordFactory,
    TrainingTypeFactory,
    alliance,
    give,
    holder,
    proof,
)
from tests.reading import links, said

pytestmark = pytest.mark.django_db


def certificate(body=PDF):
    day = timezone.now().date() - timedelta(days=2)
    return {"completed_on": day.isoformat(), "evidence": SimpleUploadedFile("proof.pdf", body, "application/pdf")}


# ── the training queue ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_manager_works_through_the_training_queue(browse, manager, colleague):
    course = TrainingTypeFactory(name="Data security", required_of_all=True)
    other = MemberFactory(center=manager.center, name="Hugo Martin")
    give(manager, Role.DATA_STEWARD)
    TrainingRecordFactory(member=manager, type=course, status="accepted", decided_by=other, decided_at=timezone.now())
    desk = browse(manager)
    for person in (colleague, other):
        sent = browse(person).post(reverse("alliance:training_submit", args=[course.pk]), certificate(), follow=True)
        assert said(sent) == ["Your proof is with your center's managers; you are told when they answer."]

    home = desk.get("/")
    assert [(row.what, row.for_whom) for row in home.context["home"].your_turn] == [
        ("Proof of Data security", "Grace Liu"),
        ("Proof of Data security", "Hugo Martin"),
    ]
    first = desk.get(home.context["home"].your_turn[0].url)
    record = first.context["record"]
    download = desk.get(reverse("alliance:training_evidence", args=[record.pk]))
    assert b"".join(download.streaming_content) == PDF

    second = desk.post(reverse("alliance:training_accept", args=[record.pk]), follow=True)
    assert second.context["record"].member == other, "the next proof that waits comes by itself"
    done = desk.post(
        reverse("alliance:training_return", args=[second.context["record"].pk]),
        {"reason": "It shows no name."},
        follow=True,
    )

    assert said(done) == ["Hugo Martin is told what to mend."]
    assert desk.get("/").context["home"].your_turn == []
    mine = browse(other).get("/").context["home"].your_turn
    assert [row.what for row in mine] == ["Mend your proof of Data security"]
    assert "It shows no name." in browse(other).get(mine[0].url).content.decode()

    browse(other).post(
        reverse("alliance:training_resubmit", args=[second.context["record"].pk]), certificate(PDF + b" ")
    )
    desk.post(reverse("alliance:training_accept", args=[second.context["record"].pk]))
    assert {record.status for record in TrainingRecord.objects.all()} == {"accepted"}


def test_the_queue_shows_own_people_only_and_never_oneself(browse, manager, colleague):
    mine, theirs, foreign = (
        TrainingRecordFactory(member=manager),
        TrainingRecordFactory(member=colleague),
        TrainingRecordFactory(),
    )

    page = browse(manager).get(reverse("alliance:training_queue"))

    assert page.context["listing"].rows == [theirs]
    assert not {str(mine.pk), str(foreign.pk)} & {
        url.split("/")[2] for url in links(page) if url.startswith("/training/")
    }


def test_the_queue_can_be_narrowed(browse, manager, colleague):
    waiting = TrainingRecordFactory(member=colleague)
    TrainingRecordFactory(member=colleague, status="accepted", decided_by=manager, decided_at=timezone.now())

    page = browse(manager).get(reverse("alliance:training_queue"), {"status": "submitted"})

    assert page.context["listing"].rows == [waiting]


def test_a_manager_sees_no_button_for_their_own_proof_but_who_can(browse, manager):
    record = TrainingRecordFactory(member=manager, **proof().as_fields())

    page = browse(manager).get(reverse("alliance:training_record", args=[record.pk]))

    assert reverse("alliance:training_accept", args=[record.pk]) not in links(page)


def test_an_auditor_sees_a_proof_but_neither_certificate_nor_buttons(browse, colleague):
    record = TrainingRecordFactory(member=colleague)
    page = browse(holder(Role.AUDITOR, colleague.center)).get(reverse("alliance:training_record", args=[record.pk]))

    assert page.status_code == 200
    assert not {reverse(f"alliance:training_{what}", args=[record.pk]) for what in ("accept", "evidence")} & links(page)
    assert f"Only a center manager of {colleague.center} can do that." in page.content.decode()


def test_a_proof_that_was_decided_meanwhile_says_so(browse, manager, colleague):
    record = TrainingRecordFactory(member=colleague, status="accepted", decided_by=manager, decided_at=timezone.now())

    page = browse(manager).post(reverse("alliance:training_accept", args=[record.pk]))

    assert page.status_code == 409
    assert "This is accepted now" in page.content.decode()


def test_returning_a_proof_needs_words(browse, manager, colleague):
    record = TrainingRecordFactory(member=colleague)

    page = browse(manager).post(reverse("alliance:training_return", args=[record.pk]), {"reason": "  "}, follow=True)

    record.refresh_from_db()
    assert record.status == "submitted"
    assert "say why" in said(page)[0]


# ── from application to admission ───────────────────────────────────────────────────────────────────────────────────
def test_an_alliance_manager_takes_a_center_from_application_to_admission(browse):
    runner = holder(Role.ALLIANCE_MANAGER, alliance())
    desk = browse(runner)
    facts = {
        "short_name": "Northlake", "legal_name": "Northlake Cancer Institute", "ror_id": "",
        "email_domains": "northlake.example.org", "contact_name": "Office of Research",
        "contact_email": "data@northlake.example.org", "smallest_count": "15",
    }  # fmt: skip
    page = desk.post(reverse("alliance:center_apply"), facts, follow=True)
    assert said(page) == ["Northlake is entered as an applicant. Next, invite its first manager."]
    center = page.context["center"]

    admit = reverse("alliance:center_admit", args=[center.slug])
    early = desk.post(admit, {"reason": "The board agreed."}, follow=True)
    assert "has no center manager yet" in said(early)[0]

    invited = {"name": "Nora Lake", "email": "nora.lake@northlake.example.org", "position": "Director"}
    page = desk.post(reverse("alliance:center_first_manager", args=[center.slug]), invited, follow=True)
    nora = Member.objects.get(name="Nora Lake")
    assert reverse("alliance:center_appoint", args=[center.slug, nora.pk]) not in links(page), "not before she joined"

    phrase = "a long enough phrase"
    typed = {"name": "Nora Lake", "password": phrase, "password_again": phrase}
    joined = browse().post(link_for(nora.invitations.get()), typed)
    assert joined.status_code == 302
    page = desk.get(reverse("alliance:center_first_manager", args=[center.slug]))
    appoint = reverse("alliance:center_appoint", args=[center.slug, nora.pk])
    assert appoint in links(page)

    page = desk.post(appoint, {"reason": "Named in the letter of accession."}, follow=True)
    assert said(page) == ["Nora Lake now manages Northlake."]
    page = desk.post(admit, {"reason": "The board agreed."}, follow=True)
    assert said(page) == ["Northlake is admitted."]

    center.refresh_from_db()
    assert center.status == Center.Status.ACTIVE
    assert browse(Member.objects.get(pk=nora.pk)).get(reverse("alliance:invite", args=["northlake"])).status_code == 200
    refused = desk.post(appoint, {"reason": "Again."})
    assert refused.status_code == 403, "from now on the center decides for itself"
    assert "decide for a center" in refused.content.decode()


def test_an_applicants_page_shows_each_what_they_can_do(browse):
    applicant = CenterFactory(status=Center.Status.APPLICANT)
    admit = reverse("alliance:center_admit", args=[applicant.slug])
    runner, own = holder(Role.ALLIANCE_MANAGER, alliance()), holder(Role.CENTER_MANAGER, applicant)

    assert admit in links(browse(runner).get(reverse("alliance:center", args=[applicant.slug])))
    assert admit not in links(browse(own).get(reverse("alliance:center", args=[applicant.slug])))


def test_a_center_leaves_by_the_signing_officials_button(browse):
    holder(Role.ALLIANCE_MANAGER, alliance())
    official = holder(Role.SIGNING_OFFICIAL)
    desk = browse(official)
    leave = reverse("alliance:center_leave", args=[official.center.slug])
    assert leave in links(desk.get(reverse("alliance:center", args=[official.center.slug])))

    desk.post(leave, {"reason": "The contract ends."})

    official.center.refresh_from_db()
    assert official.center.status == Center.Status.LEFT
    assert desk.get("/").status_code == 302, "signed out with everybody else of the center"


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_manager_invites_and_invites_again(browse, manager):
    desk = browse(manager)
    typed = {"name": "New Person", "email": f"new@{manager.center.email_domains[0]}", "position": ""}
    page = desk.post(reverse("alliance:invite", args=[manager.center.slug]), typed, follow=True)
    assert said(page) == ["New Person is invited. The link in the mail works for 14 days."]
    person = page.context["person"]
    first = link_for(person.invitations.get())

    page = desk.post(reverse("alliance:person_invite_again", args=[person.pk]), follow=True)

    assert "the old one no longer works" in said(page)[0]
    assert browse().get(first).status_code == 404
    assert browse().get(link_for(person.invitations.latest("invited_at"))).status_code == 200
    assert Message.objects.filter(task="alliance.mail_invitation").count() == 2


def test_an_address_outside_the_center_comes_back_on_the_form(browse, manager):
    typed = {"name": "New Person", "email": "new@elsewhere.org", "position": "MD"}

    page = browse(manager).post(reverse("alliance:invite", args=[manager.center.slug]), typed)

    assert page.status_code == 422
    assert manager.center.email_domains[0] in page.content.decode()
    assert 'value="new@elsewhere.org"' in page.content.decode()


def test_a_manager_vouches_suspends_and_lifts(browse, manager, colleague):
    desk, at = browse(manager), [colleague.pk]
    page = desk.post(reverse("alliance:person_vouch", args=at), follow=True)
    assert said(page)[0].startswith(f"{manager.center} vouches for Grace Liu until")
    assert {reverse("alliance:person_suspend", args=at), reverse("alliance:person_leave", args=at)} <= links(page)
    assert reverse("alliance:person_reinstate", args=at) not in links(page)

    page = desk.post(reverse("alliance:person_suspend", args=at), {"reason": "On leave."}, follow=True)
    assert reverse("alliance:person_suspend", args=at) not in links(page)
    assert reverse("alliance:person_vouch", args=at) not in links(page)

    page = desk.post(reverse("alliance:person_reinstate", args=at), {"reason": "Back."}, follow=True)
    assert said(page) == ["Grace Liu can act again."]


def test_a_manager_sees_no_button_that_is_about_themselves(browse, manager):
    page = browse(manager).get(reverse("alliance:person", args=[manager.pk]))

    names = ("person_vouch", "person_suspend", "person_leave", "role_give")
    assert not {reverse(f"alliance:{name}", args=[manager.pk]) for name in names} & links(page)


def test_a_colleague_sees_no_buttons_at_all(browse, manager, colleague):
    page = browse(colleague).get(reverse("alliance:person", args=[manager.pk]))

    assert page.status_code == 200
    assert not [link for link in links(page) if str(manager.pk) in link and link.count("/") > 3]


def test_a_role_is_given_for_a_time_and_ended(browse, manager, colleague):
    desk = browse(manager)
    until = timezone.now().date() + timedelta(days=30)
    typed = {"role": "data_steward", "reason": "Named by the board.", "ends_on": until.isoformat()}
    page = desk.post(reverse("alliance:role_give", args=[colleague.pk]), typed, follow=True)
    assert said(page) == [f"Grace Liu is now data steward at {manager.center}."]
    grant = Grant.objects.get(user=colleague)
    assert (grant.ends_at.date(), grant.ends_at.hour) == (until, 23)

    page = desk.post(reverse("alliance:role_end", args=[grant.pk]), {"reason": "Moved on."}, follow=True)
    assert said(page) == ["The role of data steward has ended."]
    assert not Grant.objects.filter(user=colleague).exists()


def test_a_role_that_clashes_is_refused_with_the_reason(browse, manager, colleague):
    give(colleague, Role.AUDITOR)

    page = browse(manager).post(
        reverse("alliance:role_give", args=[colleague.pk]), {"role": "data_steward", "reason": "Yes."}
    )

    assert page.status_code == 403
    assert "An auditor can&#x27;t hold a role that decides" in page.content.decode()


def test_a_role_that_is_held_already_comes_back_on_the_form(browse, manager, colleague):
    give(colleague, Role.DATA_STEWARD)

    page = browse(manager).post(
        reverse("alliance:role_give", args=[colleague.pk]), {"role": "data_steward", "reason": "Yes."}
    )

    assert page.status_code == 422
    assert "holds that role already" in page.content.decode()


def test_a_role_page_wants_a_fresh_factor_before_anything_is_typed(browse, manager, colleague):
    page = browse(manager, proof_age=400).get(reverse("alliance:role_give", args=[colleague.pk]))

    assert page.status_code == 302
    assert page["Location"].startswith(reverse("mfa_reauthenticate"))


def test_the_list_of_people_shows_own_people_only(browse, manager, colleague):
    foreign = MemberFactory()

    page = browse(colleague).get(reverse("alliance:people"))

    assert {row.pk for row in page.context["listing"].rows} == {manager.pk, colleague.pk}
    assert foreign.name not in page.content.decode()


def test_the_list_of_people_can_be_searched_and_narrowed(browse, manager, colleague):
    InvitationFactory(member__center=manager.center, member__name="Invited Person")
    desk = browse(manager)

    def found(**asked):
        return [row.name for row in desk.get(reverse("alliance:people"), asked).context["listing"].rows]

    assert found(words="gra") == ["Grace Liu"]
    assert found(words="g.li") == found(words=colleague.email.upper()) == ["Grace Liu"]
    assert found(status="invited") == ["Invited Person"]
    assert found(words="grace", status="invited") == []


# ── refusals that help ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("who", "address", "reason"),
    [
        ("colleague", "/centers/{slug}/invite/", "Only a center manager of {center} can do that."),
        ("colleague", "/centers/{slug}/edit/", "Only a center manager of {center} can do that."),
        ("manager", "/centers/apply/", "Only an alliance manager can do that."),
        ("manager", "/training/types/new/", "Only an alliance manager can do that."),
        ("manager", "/record/", "Only auditors read the record."),
        ("manager", "/platform/", "Only an alliance manager can do that."),
    ],
)
def test_a_page_that_is_not_open_says_why_and_who_can_help(browse, manager, colleague, who, address, reason):
    center = manager.center
    page = browse({"manager": manager, "colleague": colleague}[who]).get(address.format(slug=center.slug))

    body = page.content.decode()
    assert page.status_code == 403
    assert reason.format(center=center) in body
    assert "manager can tell you which role opens it" in body
    assert Event.objects.filter(outcome=Outcome.REFUSED).count() == 1


def test_a_refused_step_says_why_and_changes_nothing(browse, manager, colleague):
    page = browse(colleague).post(reverse("alliance:person_suspend", args=[manager.pk]), {"reason": "Mutiny."})

    manager.refresh_from_db()
    assert page.status_code == 403
    assert f"Only a center manager of {manager.center} can do that." in page.content.decode()
    assert manager.status == Member.Status.ACTIVE
    assert page["X-Request-ID"] in page.content.decode()


def test_whoever_lost_their_role_while_the_page_was_open_is_told(browse, manager, colleague):
    desk = browse(manager)
    desk.get(reverse("alliance:person", args=[colleague.pk]))
    manager.all_grants.update(ended_at=timezone.now())

    page = desk.post(reverse("alliance:person_suspend", args=[colleague.pk]), {"reason": "Late."})

    assert page.status_code == 403
    assert "Only a center manager" in page.content.decode()


def test_a_page_that_does_not_exist_says_so_kindly(browse, manager):
    page = browse(manager).get("/people/00000000-0000-7000-8000-000000000000/")

    assert page.status_code == 404
    assert page.content.decode().count("<h1>") == 1


def test_a_machine_gets_the_reason_as_json(browse, colleague):
    answer = browse(colleague).get("/platform/", HTTP_ACCEPT="application/json")

    assert answer.status_code == 403
    assert answer.json()["reason"].startswith("Only an alliance manager")
