"""One project that may use one dataset, made by the commands that people would press, and everything it stands on."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.utils import timezone

from apps.agreements.models import Agreement, AgreementVersion
from apps.agreements.selectors import terms_for
from apps.agreements.services import drafts, signing, templates
from apps.agreements.services.terms import accept_terms
from apps.alliance.models import Center, Member, TrainingType, Vouch
from apps.alliance.roles import Role
from apps.catalog.models import Dataset, DatasetFile, DatasetVersion
from apps.projects.models import AccessRequest, Amendment, Project
from apps.projects.questions import QUESTIONS
from apps.projects.services import amendments, decisions, proposals
from tests.factories import (
    CenterFactory,
    MemberFactory,
    TrainingRecordFactory,
    TrainingTypeFactory,
    alliance,
    arranged,
    give,
    holder,
)

REGISTER = (
    "owner_basis", "legal_basis", "data_subjects", "data_categories",
    "recipients", "transfers", "retention", "safeguards",
)  # fmt: skip
GRU = [{"code": "DUO:0000042"}]
PURPOSE = {
    "kind": "biomedical", "is_for_profit": False, "is_commercial": False, "is_genetic": False,
    "is_clinical_care": False, "collaborates": False, "publishes": True, "returns_results": False,
    "diseases": [], "studies": [], "countries": ["US"],
}  # fmt: skip
RISKS = {
    question.key: {"answer": "no" if question.asks_more == "yes" else "yes", "words": ""} for question in QUESTIONS
}


def in_days(days: int):
    return timezone.now().date() + timedelta(days=days)


@dataclass
class World:
    """Who is there: `lead` and `colleague` of the home center, `steward` of the owner, officials of both."""

    home: Center
    owner: Center
    lead: Member
    colleague: Member
    steward: Member
    official: Member
    partner: Member
    manager: Member
    training: TrainingType
    dataset: Dataset
    version: DatasetVersion
    agreement: AgreementVersion
    project: Project
    request: AccessRequest


def approve(request, **said) -> None:
    """A yes to the edition that is asked for at this moment."""
    asked = AccessRequest.objects.select_related("edition").get(pk=request.pk)
    decisions.approve(request, edition=asked.edition.number if asked.edition else 0, **said)


def make_world(*, terms=GRU, quorum: int = 1, gpu_hours: int = 0) -> World:
    """Everything is met for the lead; the project runs for a year."""
    home, owner = CenterFactory(short_name="Home"), CenterFactory(short_name="Owner")
    steward, official = holder(Role.DATA_STEWARD, owner), holder(Role.SIGNING_OFFICIAL, owner)
    partner, manager = holder(Role.SIGNING_OFFICIAL, home), holder(Role.CENTER_MANAGER, home)
    training = TrainingTypeFactory(required_of_all=True)
    lead, colleague = (able(home, manager, training) for _ in range(2))
    version = published(owner, steward, terms=terms, quorum=quorum)
    agreement = agreed(owner, home, official, partner, version.dataset)
    project = proposed(lead, version, gpu_hours=gpu_hours)
    request = project.requests.get()
    if quorum == 1:
        approve(request, by=steward, ends_on=in_days(300))
        decisions.start(project, by=lead)
    accepted(lead, version)
    project.refresh_from_db()
    request.refresh_from_db()
    return World(
        home, owner, lead, colleague, steward, official, partner, manager, training,
        version.dataset, version, agreement, project, request,
    )  # fmt: skip


def able(center: Center, manager: Member, training: TrainingType) -> Member:
    """An active member with a second factor and valid training, for whom the center vouches."""
    member = MemberFactory(center=center)
    TrainingRecordFactory(
        member=member, type=training, status="accepted", decided_at=timezone.now(), decided_by=manager
    )
    with arranged():
        Vouch.objects.create(member=member, center=center, vouched_by=manager, ends_on=in_days(200))
        Authenticator.objects.create(user=member, type=Authenticator.Type.TOTP, data={"secret": "none"})
    return member


def published(owner: Center, steward: Member, *, terms=GRU, quorum: int = 1, slug: str = "") -> DatasetVersion:
    """A dataset with one published version of one file."""
    words = dict.fromkeys(REGISTER, "As agreed.")
    with arranged():
        dataset = Dataset.objects.create(
            center=owner, slug=slug or f"data-of-{owner.slug}", title=f"Data of {owner}", modality="ehr",
            description="Records.", contact=owner.contact_email, smallest_count=10, quorum=quorum, **words,
        )  # fmt: skip
        version = DatasetVersion.objects.create(dataset=dataset, number=1, licence="CC0-1.0", terms=terms)
        digest = hashlib.sha256(b"a,b\n").hexdigest()
        DatasetFile.objects.create(version=version, path="a.csv", bytes=4, sha256=digest, media_type="text/csv")
        version.status, version.published_at, version.published_by = "published", timezone.now(), steward
        version.status_at = version.published_at
        version.save()
    return version


def agreed(
    owner: Center, home: Center, official: Member, partner: Member, dataset: Dataset, *, name: str = "Terms"
) -> AgreementVersion:
    """An agreement in force between the two, over this dataset."""
    runner = holder(Role.ALLIANCE_MANAGER, alliance())
    wording = templates.draft_template(
        alliance(), by=runner, name=name, purpose="Use of data", text="# Agreement\n\nBoth agree."
    ).versions.get()
    templates.publish_wording(wording, by=runner)
    wording.refresh_from_db()
    made: Agreement = drafts.draft(
        owner, by=official, receiving=home, title="Use", template_version=wording, values={}, conditions="",
        starts_on=in_days(0), ends_on=in_days(400), datasets=[dataset],
    )  # fmt: skip
    version = made.versions.get()
    drafts.send(version, by=official)
    version.refresh_from_db()
    for signer in (official, partner):
        signing.sign(version, by=signer, text_sha256=version.text_id)
    version.refresh_from_db()
    return version


def proposed(
    lead: Member, version: DatasetVersion, *, submit: bool = True, purpose=PURPOSE, days: int = 365, gpu_hours: int = 0
) -> Project:
    """A complete proposal for this data."""
    project = proposals.propose(lead.center, by=lead, title="Survival after surgery")
    proposals.write(
        project, by=lead, lay_summary="What we want to know.", public_benefit="Better care.", methods="Cox models.",
        outputs="Tables.", purpose=purpose, risks=RISKS, ethics_reference="IRB-1", ethics_until=in_days(250),
        ends_on=in_days(days), gpu_hours=gpu_hours,
    )  # fmt: skip
    proposals.ask_for(project, by=lead, version=version, reason="It holds the outcomes.")
    if submit:
        proposals.submit(project, by=lead)
    project.refresh_from_db()
    return project


def accepted(member: Member, version: DatasetVersion) -> None:
    """The member read and accepted the terms."""
    found = terms_for(member, version)
    assert found
    accept_terms(version, by=member, text_sha256=hashlib.sha256(found.text.encode()).hexdigest())


def second_steward(owner: Center) -> Member:
    return holder(Role.DATA_STEWARD, owner)


def also_manages(member: Member) -> None:
    give(member, Role.CENTER_MANAGER)


def again(row):
    """The row as it stands now."""
    return type(row)._base_manager.get(pk=row.pk)


def changed(world: World, *, submit: bool = True, **parts) -> Amendment:
    """The lead wants another text."""
    amendment = amendments.begin(again(world.project), by=world.lead)
    amendments.write(amendment, by=world.lead, **parts)
    if submit:
        amendments.submit(amendment, by=world.lead)
    return again(amendment)


def joins(world: World, member: Member, clock) -> Amendment:
    """Somebody joins by a change that is with the owners; the clock moves on, for they join after it began."""
    amendment = amendments.begin(again(world.project), by=world.lead)
    clock.shift(timedelta(seconds=1))
    proposals.add_to_team(again(world.project), by=world.lead, member=member)
    clock.shift(timedelta(seconds=1))
    amendments.submit(amendment, by=world.lead)
    return again(amendment)


def agrees(world: World, *, days: int = 200) -> AccessRequest:
    """The owner says yes to what waits of the world's project."""
    waiting = world.project.requests.get(status="waiting")
    approve(waiting, by=world.steward, ends_on=in_days(days))
    return again(waiting)


def running(world: World) -> Project:
    """Another project of the lead on the same data."""
    project = proposed(world.lead, world.version)
    approve(project.requests.get(), by=world.steward, ends_on=in_days(300))
    decisions.start(project, by=world.lead)
    return again(project)
