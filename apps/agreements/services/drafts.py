"""Commands before the signatures: draft, edit, amend, send for signature, call back."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils import timezone

from apps.agreements import policies as may
from apps.agreements.models import Agreement, AgreementVersion, KeptText, ScopeLine, TemplateVersion
from apps.agreements.selectors import binding, officials_of
from apps.agreements.services.parties import demand_able, demand_standing_before, tell_all
from apps.agreements.states import AGREEMENT_VERSION
from apps.agreements.texts import sha256_of, text_of, unfilled
from apps.alliance.models import Alliance, Center
from apps.catalog.models import Dataset, DatasetVersion
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import settle

V = AgreementVersion.Status


@command("agreements.agreement.drafted", policy=may.may_draft, creates=Agreement)
def draft(
    center: Center, *, by: Any, receiving: Center, title: str, template_version: TemplateVersion, **words: Any
) -> Agreement:
    """Draft an agreement on the center's data with another center."""
    _demand_published(template_version)
    agreement = Agreement.objects.create(
        number=_next_number(center), providing=center, receiving=receiving, title=title, created_by=by
    )
    version = AgreementVersion(agreement=agreement, number=1, template_version=template_version, created_by=by)
    _fill(version, **words)
    note(version=str(version.pk), receiving=str(receiving.pk))
    return agreement


@command("agreements.version.edited", policy=may.may_edit)
def edit(version: AgreementVersion, *, by: Any, title: str = "", **words: Any) -> None:
    """Change a draft: what stands in its blanks, its dates, its conditions, its data."""
    if version.status != V.DRAFT:
        raise WrongState("This went out for signature and stays as it is. Call it back first.")
    agreement = version.agreement
    if title and title != agreement.title:
        if version.edition or version.number > 1:
            raise Invalid(fields={"title": "The other center knows it by its title, which stays."})
        agreement.title = title
        agreement.save(update_fields=["title"])
    _fill(version, **words)


@command("agreements.amendment.drafted", policy=may.may_amend, creates=AgreementVersion)
def amend(agreement: Agreement, *, by: Any) -> AgreementVersion:
    """Draft an amendment: a copy of what is in force, which goes on until the new one is signed and begins."""
    now = timezone.now()
    base = binding(now).filter(agreement=agreement).first()
    if base is None:
        raise WrongState("Only an agreement in force can be amended. Draft a new one.")
    later_one = agreement.versions.filter(number__gt=base.number).exclude(status=V.DISCARDED).first()
    if later_one is not None:
        state = "signed already and begins soon" if later_one.signed_at else "open already"
        raise Invalid(f"An amendment of this agreement is {state}. Go on with that one.")
    version = AgreementVersion(
        agreement=agreement,
        number=agreement.versions.latest("number").number + 1,
        template_version=base.template_version,
        created_by=by,
    )
    _fill(
        version,
        values=base.values,
        conditions=base.conditions,
        starts_on=now.date(),
        ends_on=base.ends_on,
        datasets=list(base.datasets.all()),
    )
    note(amends=str(base.pk))
    return version


@AGREEMENT_VERSION.move("send")
def send(version: AgreementVersion, *, by: Any) -> None:
    """Send a draft out for signature: from now on its words, dates and data stand as they are."""
    _demand_ready(version)
    demand_standing_before(version)
    version.edition += 1
    text = text_of(version, version.datasets.order_by("title", "pk"), edition=version.edition)
    kept, _ = KeptText.objects.get_or_create(sha256=sha256_of(text), defaults={"text": text})
    version.text, version.sent_at, version.sent_by, version.reason = kept, timezone.now(), by, ""
    note(text_sha256=kept.sha256, edition=version.edition)
    tell_all(
        officials_of(version),
        key=waiting_key(version),
        subject=f"{version} waits for your signature",
        text=f"{by} of {by.center} sent “{version.agreement.title}” out. Read it and sign, or call it back.",
        version=version,
    )


@AGREEMENT_VERSION.move("discard")
def discard(version: AgreementVersion, *, by: Any, reason: str = "") -> None:
    """Give a draft up: it is never sent, and stays to be seen as it was. What is in force goes on."""
    version.reason = reason
    told = {version.created_by} | (officials_of(version) if version.edition else set())
    tell_all(
        told - {by},
        key=f"agreement-discarded:{version.pk}",
        subject=f"{version} was discarded",
        text=f"{by} of {by.center} gave the draft up{f': {reason}' if reason else '.'}",
        version=version,
    )


@AGREEMENT_VERSION.move("recall")
def recall(version: AgreementVersion, *, by: Any, reason: str) -> None:
    """Call back what is out for signature: it is a draft again, and signatures given so far count no more."""
    officials = officials_of(version)
    settle(officials, key=waiting_key(version))
    note(text_sha256=version.text_id, edition=version.edition)
    version.text = version.sent_at = version.sent_by = None
    version.reason = reason
    tell_all(
        {*officials, version.created_by} - {by},
        key=f"agreement-recalled:{version.pk}:{version.edition}",
        subject=f"{version} was called back",
        text=f"{by} of {by.center} writes: {reason}",
        version=version,
    )


def waiting_key(version: AgreementVersion) -> str:
    """Of the notice that this edition waits for signatures."""
    return f"agreement:{version.pk}:{version.edition}"


def _next_number(center: Center) -> int:
    """The next number of the alliance; whoever drafts meanwhile waits."""
    Alliance.objects.select_for_update(no_key=True).get(pk=center.alliance.pk)
    latest = Agreement.objects.order_by("-number").values_list("number", flat=True).first()
    return (latest or 0) + 1


def _fill(
    version: AgreementVersion,
    *,
    values: dict[str, str],
    conditions: str,
    starts_on: date,
    ends_on: date,
    datasets: Sequence[Dataset],
) -> None:
    """Write the draft with just this scope."""
    if ends_on < starts_on:
        raise Invalid(fields={"ends_on": "The last day lies before the first."})
    if foreign := [one for one in datasets if one.center_id != version.agreement.providing_id]:
        raise Invalid(fields={"datasets": f"{foreign[0]} belongs to another center."})
    version.values, version.conditions, version.starts_on, version.ends_on = values, conditions, starts_on, ends_on
    version.save()
    chosen = {one.pk for one in datasets}
    version.scope.exclude(dataset_id__in=chosen).delete()
    held = set(version.scope.values_list("dataset_id", flat=True))
    ScopeLine.objects.bulk_create(ScopeLine(version=version, dataset=one) for one in datasets if one.pk not in held)


def _demand_ready(version: AgreementVersion) -> None:
    """Everything that must be there before somebody is asked to sign."""
    _demand_published(version.template_version)
    if missing := unfilled(version):
        words = ", ".join(name.replace("_", " ") for name in missing)
        raise Invalid(f"Nothing stands yet in these blanks: {words}. Fill them first.")
    scope = list(version.datasets.all())
    if not scope:
        raise Invalid("No data is in scope yet. Choose at least one dataset.")
    published = DatasetVersion.objects.filter(dataset__in=scope, status=DatasetVersion.Status.PUBLISHED)
    if hidden := {one.pk for one in scope} - set(published.values_list("dataset_id", flat=True)):
        name = next(one.title for one in scope if one.pk in hidden)
        raise Invalid(f"{name} has no published version, so there is nothing to agree on yet.")
    demand_able(version)


def _demand_published(wording: TemplateVersion) -> None:
    if wording.status != TemplateVersion.Status.PUBLISHED:
        raise Invalid(f"{wording} is {wording.get_status_display().lower()}. Use a published version of a template.")
