"""A draft goes out, both sign under the text that they read, and it binds; everything else is refused."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.agreements import selectors
from apps.agreements.models import AgreementVersion, KeptDocument, KeptText, Signature
from apps.agreements.pdf import document_of
from apps.agreements.records import record_of, sha256_of_record
from apps.agreements.services import drafts, signing
from apps.agreements.tasks import keep_dates, settle
from apps.agreements.texts import sha256_of
from apps.alliance.models import Center
from apps.alliance.roles import Role
from apps.audit.models import Event
from apps.audit.source import coming_from
from apps.core.errors import Invalid, NeedsFreshFactor, NotAllowed, WrongState
from apps.core.models import Notice
from tests.factories import MemberFactory, holder
from tests.factories_agreements import dataset, drafted, in_force, official, reloaded, sent, wording

DAY = timedelta(days=1)
TODAY = timezone.now().date


def sign(version, by, **more):
    version = reloaded(version)
    return signing.sign(version, by=by, **{"text_sha256": version.text_id, **more})


def test_the_way_from_a_draft_to_an_agreement_in_force(providing, receiving, manager, ours, theirs, data, words):
    agreement = drafts.draft(
        providing, by=manager, receiving=receiving, title="Lungs", template_version=words,
        values={"purpose": "research"}, conditions="", starts_on=TODAY(), ends_on=TODAY() + 30 * DAY, datasets=[data],
    )  # fmt: skip
    version = agreement.versions.get()
    drafts.send(version, by=manager)
    sign(version, ours)
    assert selectors.in_force_between(providing.pk, receiving.pk, data.pk) is None
    sign(version, theirs)

    assert selectors.in_force_between(providing.pk, receiving.pk, data.pk) == version
    assert selectors.in_force_between(receiving.pk, providing.pk, data.pk) is None
    settle(str(agreement.pk))
    assert reloaded(version).status == "in_force"


def test_what_is_signed_names_parties_dates_data_and_conditions(draft, data, manager):
    AgreementVersion.objects.filter(pk=draft.pk).update(conditions="Only *aggregates*.\n- No export.")
    drafts.send(reloaded(draft), by=manager)

    text = KeptText.objects.get().text
    agreement = draft.agreement
    for words in (agreement.providing.legal_name, agreement.receiving.legal_name, str(data.pk), agreement.reference):
        assert words in text
    assert f"{draft.ends_on:%-d %B %Y}" in text
    assert "- Only \\*aggregates\\*." in text
    assert "- \\- No export." in text


def test_a_blank_that_nobody_filled_keeps_it_from_going_out_and_is_named(providing, manager):
    version = drafted(providing, template_version=wording("For {{first_aim}}, {{second_aim}} and {{provider}}."))
    AgreementVersion.objects.filter(pk=version.pk).update(values={"first_aim": "x", "second_aim": "  "})

    with pytest.raises(Invalid, match="these blanks: second aim"):
        drafts.send(reloaded(version), by=manager)


@pytest.mark.parametrize("why", ["no data", "unpublished data", "retired words", "over", "suspended"])
def test_what_is_not_ready_does_not_go_out(providing, receiving, manager, data, words, why):
    scope = {"no data": [], "unpublished data": [data, dataset(providing, published=False)]}.get(why, [data])
    version = drafted(providing, receiving, scope=scope, template_version=words)
    if why == "retired words":
        type(words).objects.update(status="retired")
    if why == "over":
        AgreementVersion.objects.update(starts_on=TODAY() - 2 * DAY, ends_on=TODAY() - DAY)
    if why == "suspended":
        Center.objects.filter(pk=receiving.pk).update(status="suspended")

    with pytest.raises((Invalid, WrongState)):
        drafts.send(reloaded(version), by=manager)
    assert reloaded(version).status == "draft"


def test_a_center_agrees_on_its_own_data_only(draft, manager, receiving):
    foreign = [dataset(receiving)]
    with pytest.raises(Invalid, match="another center"):
        drafts.edit(draft, by=manager, values={}, conditions="", starts_on=TODAY(), ends_on=TODAY(), datasets=foreign)


# ── who signs ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_only_signing_officials_of_the_two_centers_sign(out, providing):
    strangers = [
        MemberFactory(center=providing),
        holder(Role.CENTER_MANAGER, providing),
        official(MemberFactory().center),
    ]
    for stranger in strangers:
        with pytest.raises(NotAllowed, match="Only signing officials"):
            sign(out, stranger)
    assert not Signature.objects.exists()


@pytest.mark.stale_proof
def test_a_signature_needs_a_fresh_factor(out, ours):
    with pytest.raises(NeedsFreshFactor):
        sign(out, ours)
    with coming_from(auth={"method": "password", "age_s": 301}), pytest.raises(NeedsFreshFactor):
        sign(out, ours)
    assert not Signature.objects.exists()


def test_each_center_signs_once_by_whichever_of_its_officials(out, ours, providing):
    sign(out, ours)

    with pytest.raises(WrongState, match="has signed this already"):
        sign(out, official(providing))


def test_the_hash_of_another_text_is_refused(out, ours, theirs, receiving, providing, data, words):
    other = sent(drafted(providing, receiving, scope=[data], template_version=words))
    for foreign in (other.text_id, "", "0" * 64, out.text_id.upper()):
        with pytest.raises(Invalid, match="another text"):
            sign(out, ours, text_sha256=foreign)


def test_an_agreement_whose_last_day_is_over_is_not_signed(out, ours):
    with time_machine.travel(timezone.now() + timedelta(days=367)), pytest.raises(Invalid, match="is over"):
        sign(out, ours)


# ── what a signature holds ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_signature_holds_who_when_what_and_how(out, ours):
    with coming_from(
        auth={"method": "password", "factors": ["password", "totp"], "age_s": 12}, session="mark", ip="::1",
        user_agent_sha256="ab" * 32,
    ):  # fmt: skip
        made = sign(out, ours, statement="With pleasure.")

    made.refresh_from_db()
    assert (made.printed_name, made.affiliation) == (ours.name, ours.center.legal_name)
    assert (made.meaning, made.capacity, made.statement) == ("provides", "Signing official", "With pleasure.")
    assert made.auth == {"method": "password", "factors": ["password", "totp"], "age_s": 12}
    assert (made.session, made.address, made.build) == ("mark", "::1", "0.1.0")
    assert record_of(made)["user_agent_sha256"] == "ab" * 32
    assert made.text.text == KeptText.objects.get(sha256=out.text_id).text
    event = Event.objects.get(event="agreements.version.signed")
    assert event.details["record_sha256"] == sha256_of_record(made)
    assert event.details["text_sha256"] == sha256_of(made.text.text)
    assert selectors.event_of(made) == event


def test_the_pdf_is_the_same_each_time_it_is_made(out, ours, theirs):
    first, second = sign(out, ours), sign(out, theirs)
    version = reloaded(out)

    for given in ([first], [first, second]):
        stored = [Signature.objects.get(pk=one.pk) for one in given]
        made = document_of(str(version), version.text.text, version.text_id, stored)
        assert bytes(given[-1].document.content) == made
    assert KeptDocument.objects.count() == 2


# ── calling back ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_was_called_back_is_signed_anew_by_everybody(out, manager, ours, theirs):
    old = sign(out, ours)
    drafts.recall(reloaded(out), by=theirs, reason="Too long.")
    version = reloaded(out)
    assert (version.status, version.reason, version.text) == ("draft", "Too long.", None)

    drafts.send(version, by=manager)
    with pytest.raises(Invalid, match="another text"):
        signing.sign(reloaded(out), by=ours, text_sha256=old.text_id)
    sign(out, theirs)
    assert reloaded(out).signed_at is None
    sign(out, ours)
    assert reloaded(out).signed_at
    assert Signature.objects.get(pk=old.pk).text.text


def test_what_both_signed_is_not_called_back(out, ours, theirs):
    sign(out, ours)
    sign(out, theirs)

    with pytest.raises(NotAllowed, match="Both centers have signed"):
        drafts.recall(reloaded(out), by=ours, reason="No.")


# ── amendments and ends ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def bound(draft):
    return in_force(draft)


def amended(bound, manager, **changes):
    version = drafts.amend(bound.agreement, by=manager)
    AgreementVersion.objects.filter(pk=version.pk).update(**changes)
    drafts.send(reloaded(version), by=manager)
    return reloaded(version)


def test_the_one_before_stays_in_force_until_the_amendment_is_signed_and_begins(bound, manager, ours, theirs, data):
    agreement = bound.agreement
    between = (agreement.providing_id, agreement.receiving_id, data.pk)
    start = TODAY() + 5 * DAY
    version = amended(bound, manager, starts_on=start)
    sign(version, ours)
    assert selectors.in_force_between(*between) == bound
    sign(version, theirs)

    now = timezone.now()
    assert selectors.in_force_between(*between, now) == bound
    assert selectors.in_force_between(*between, now + 5 * DAY) == version
    with time_machine.travel(now + 5 * DAY):
        keep_dates()
    assert (reloaded(bound).status, reloaded(version).status) == ("superseded", "in_force")


def test_there_is_one_open_amendment(bound, manager):
    drafts.amend(bound.agreement, by=manager)

    with pytest.raises(Invalid, match="open already"):
        drafts.amend(bound.agreement, by=manager)


def test_an_official_of_either_center_ends_it_at_once(bound, theirs, data):
    agreement = bound.agreement
    before = timezone.now()
    signing.terminate(bound, by=theirs, reason="The study ended.")

    between = (agreement.providing_id, agreement.receiving_id, data.pk)
    assert selectors.in_force_between(*between) is None
    assert selectors.in_force_between(*between, before) == bound
    assert reloaded(bound).status == "terminated"


def test_what_ends_takes_a_signed_amendment_with_it(bound, manager, ours, theirs):
    version = amended(bound, manager, starts_on=TODAY() + 5 * DAY)
    sign(version, ours)
    sign(version, theirs)

    signing.terminate(reloaded(bound), by=ours, reason="No more.")

    assert reloaded(version).status == "terminated"
    assert not selectors.binding(timezone.now() + 6 * DAY).exists()


def test_an_amendment_of_what_was_terminated_is_not_signed(bound, manager, ours):
    version = amended(bound, manager)
    signing.terminate(reloaded(bound), by=ours, reason="No more.")

    with pytest.raises(WrongState, match="was terminated"):
        sign(version, ours)


def test_a_late_renewal_begins_when_it_is_signed(bound, manager, ours, theirs):
    version = amended(bound, manager, ends_on=bound.ends_on + 365 * DAY)
    with time_machine.travel(timezone.now() + 400 * DAY):
        keep_dates()
        sign(version, ours)
        sign(version, theirs)
        assert reloaded(version).standing() == "in_force"
    assert reloaded(bound).status == "expired"


def test_on_the_last_day_it_binds_and_after_it_not(bound):
    end = timezone.now().replace(hour=12) + 365 * DAY
    assert selectors.binding(end).exists()
    assert not selectors.binding(end + DAY).exists()

    with time_machine.travel(end):
        keep_dates()
        assert reloaded(bound).status == "in_force"
    with time_machine.travel(end + DAY):
        assert reloaded(bound).standing() == "expired"
        keep_dates()
        assert reloaded(bound).status == "expired"


# ── who is told ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_officials_are_told_once_and_it_is_settled_when_their_center_signed(draft, manager, ours, theirs):
    drafts.send(draft, by=manager)
    assert Notice.objects.filter(to__in=[ours, theirs], read_at=None).count() == 2

    sign(draft, ours)

    assert Notice.objects.filter(to=ours, read_at=None).count() == 0
    assert Notice.objects.filter(to=theirs, read_at=None).count() == 1
