"""What was sent out, signed or accepted stays: PostgreSQL refuses it to the portal and, by triggers, to its owner."""

import uuid

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from apps.agreements.models import KeptDocument, KeptText, Signature
from apps.agreements.services import terms
from apps.agreements.texts import sha256_of, terms_of
from tests import database
from tests.factories import MemberFactory
from tests.factories_agreements import dataset, drafted, in_force, reloaded, sent, signature, signed, wording

KEPT = ["agreements_signature", "agreements_kepttext", "agreements_keptdocument", "agreements_termsacceptance"]


def refused(sql, *values, by=IntegrityError):
    with pytest.raises(by), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.fixture
def bound(draft):
    return in_force(draft)


# ── the portal's role ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("table", KEPT)
def test_what_is_kept_is_neither_changed_nor_deleted(bound, table):
    refused(f"update {table} set id = id", by=ProgrammingError)
    refused(f"delete from {table}", by=ProgrammingError)


@pytest.mark.parametrize(
    "change",
    [
        "edition = edition + 1", "conditions = 'Others.'", "ends_on = ends_on + 100", "starts_on = starts_on - 1",
        "values = '{\"purpose\": \"all\"}'", "number = 9",
        "text_sha256 = (select sha256 from agreements_kepttext where sha256 <> text_sha256 limit 1)",
        "sent_at = now()", "template_version_id = (select id from agreements_templateversion where number = 2)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", ["out", "bound"])
def test_what_was_sent_out_is_never_changed(request, state, change, words):
    wording(template=words.template)
    sent(drafted())
    version = request.getfixturevalue(state)
    refused(f"update agreements_agreementversion set {change} where id = %s", version.pk)


@pytest.mark.parametrize("state", ["out", "bound"])
def test_the_scope_of_what_was_sent_out_is_never_changed(request, state, providing):
    version = request.getfixturevalue(state)
    other = dataset(providing)
    refused("insert into agreements_scopeline values (%s, %s, %s)", uuid.uuid4(), other.pk, version.pk)
    refused("delete from agreements_scopeline where version_id = %s", version.pk)
    refused("update agreements_scopeline set dataset_id = %s where version_id = %s", other.pk, version.pk)


def test_foreign_data_never_gets_into_a_scope(draft, receiving):
    refused("insert into agreements_scopeline values (%s, %s, %s)", uuid.uuid4(), dataset(receiving).pk, draft.pk)


def test_parties_and_title_stay_once_it_was_sent(out, providing):
    for change in ("title = 'Another'", f"receiving_id = '{MemberFactory().center_id}'", "number = 77"):
        refused(f"update agreements_agreement set {change} where id = %s", out.agreement_id)


def test_nothing_binds_without_both_signatures(out, ours):
    claim = "update agreements_agreementversion set signed_at = now() where id = %s"
    refused(claim, out.pk)
    signature(out, ours)
    refused(claim, out.pk)
    refused("update agreements_agreementversion set status = 'in_force' where id = %s", out.pk)


def test_signatures_of_an_edition_that_was_called_back_bind_nobody(out, ours, theirs):
    signature(out, ours)
    with connection.cursor() as cursor:
        cursor.execute(
            "update agreements_agreementversion set status = 'draft', text_sha256 = null, sent_at = null, "
            "sent_by_id = null where id = %s",
            [out.pk],
        )
    again = sent(reloaded(out))
    signature(again, theirs)
    refused("update agreements_agreementversion set signed_at = now() where id = %s", out.pk)


@pytest.mark.parametrize("change", ["signed_at = signed_at + interval '1 day'", "signed_at = null", "status = 'draft'"])
def test_what_binds_does_not_become_unbound(bound, change):
    refused(f"update agreements_agreementversion set {change} where id = %s", bound.pk)


def test_what_has_ended_stays_as_it_ended(bound, ours):
    with connection.cursor() as cursor:
        cursor.execute(
            "update agreements_agreementversion "
            "set status = 'terminated', terminated_at = now(), terminated_by_id = %s where id = %s",
            [ours.pk, bound.pk],
        )
    for change in ("status = 'in_force', terminated_at = null, terminated_by_id = null", "reason = 'Another.'"):
        refused(f"update agreements_agreementversion set {change} where id = %s", bound.pk)


# ── signatures ──────────────────────────────────────────────────────────────────────────────────────────────────────
def forged(like, **changes):
    """The same signature again, with these changes."""
    row = {field.attname: getattr(like, field.attname) for field in Signature._meta.concrete_fields}
    return Signature(**{**row, "id": uuid.uuid4(), **changes})


def test_a_signature_cannot_be_moved_to_another_agreement(out, ours, theirs, providing, receiving, data, words):
    made = signature(out, ours)
    other = sent(drafted(providing, receiving, scope=[data], template_version=words))
    for changes in (
        {"version": other},
        {"version": other, "text_id": other.text_id, "sent_at": other.sent_at, "center_id": receiving.pk},
        {"version": other, "text_id": made.text_id, "sent_at": other.sent_at},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            forged(made, **changes).save(force_insert=True)


def test_nobody_signs_for_a_center_that_is_not_theirs(out, ours, theirs):
    made = signature(out, ours)
    for changes in (
        {"center_id": theirs.center_id, "meaning": "receives"},
        {"signer": theirs, "meaning": "receives"},
        {"signer": MemberFactory()},
        {"signer": theirs, "center_id": theirs.center_id, "meaning": "provides"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            forged(made, **changes).save(force_insert=True)


def test_nothing_more_is_signed_once_it_binds_or_while_it_is_a_draft(draft, out, ours):
    made = signature(out, ours)
    bound = signed()
    draft = drafted()
    for version in (bound, draft):
        with pytest.raises(IntegrityError), transaction.atomic():
            forged(made, version=version, edition=version.edition).save(force_insert=True)


# ── texts ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_text_is_kept_under_its_own_hash_only(db):
    for kept in (KeptText(sha256=sha256_of("One"), text="Two"), KeptDocument(sha256=sha256_of("One"), content=b"Two")):
        with pytest.raises(IntegrityError), transaction.atomic():
            kept.save(force_insert=True)


def test_a_published_wording_is_never_changed(words):
    refused("update agreements_templateversion set text = 'Others' where id = %s", words.pk)
    refused(
        "update agreements_templateversion set status = 'draft', published_at = null, published_by_id = null "
        "where id = %s",
        words.pk,
    )


def test_nobody_accepts_terms_under_a_foreign_agreement(bound, data, providing):
    stranger = MemberFactory()
    text = terms_of(data.versions.get(), bound)
    KeptText.objects.create(sha256=sha256_of(text), text=text)
    for agreement in (bound.pk, None):
        refused(
            "insert into agreements_termsacceptance (id, accepted_at, member_id, dataset_version_id, "
            "agreement_version_id, text_sha256) values (%s, now(), %s, %s, %s, %s)",
            *(uuid.uuid4(), stranger.pk, data.versions.get().pk, agreement, sha256_of(text)),
        )


# ── the owner ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("table", KEPT)
def test_the_owner_too_must_put_a_trigger_to_sleep_first(transactional_db, table):
    bound = in_force()
    version = bound.datasets.get().versions.get()
    member = MemberFactory(center=bound.agreement.receiving)
    terms.accept_terms(version, by=member, text_sha256=sha256_of(terms_of(version, bound)))

    with database.owner() as owner:
        for words in (f"update {table} set id = id", f"delete from {table}", f"truncate {table} cascade"):
            with pytest.raises((psycopg.errors.IntegrityConstraintViolation, psycopg.errors.InsufficientPrivilege)):
                owner.execute(words)
