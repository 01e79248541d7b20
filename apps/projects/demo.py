"""Lets the demo's projects happen: the commands that people use, with the clock turned to the day of each step."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from apps.agreements.models import TermsAcceptance
from apps.agreements.selectors import terms_for
from apps.agreements.services.terms import accept_terms
from apps.agreements.texts import sha256_of
from apps.alliance.demo_story import on_day
from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.audit.source import coming_from
from apps.catalog.models import DatasetVersion
from apps.projects.closing import to_confirm
from apps.projects.demo_words import BENEFIT, OUTPUTS, PROJECTS, Told, purpose_of
from apps.projects.models import AccessRequest, Project
from apps.projects.questions import QUESTIONS
from apps.projects.services import amendments, closing, decisions, proposals

DAY = timedelta(days=1)
RUNS = 240  # days from today to the last day
NO_RISK = {one.key: {"answer": "no" if one.asks_more == "yes" else "yes", "words": ""} for one in QUESTIONS}


class Story:
    """One telling of the demo's projects; `today` is when it is told."""

    def __init__(self, today: datetime) -> None:
        self.today = today

    def tell(self) -> Iterator[str]:
        """Let everything happen; yields a line for each project. What is there already stays as it is."""
        with coming_from(component="demo", auth={"method": "demo", "factors": ["demo"], "age_s": 0}):
            for told in PROJECTS:
                if Project.objects.filter(title=told.title).exists():
                    yield f"“{told.title}” is there already"
                    continue
                project = self._propose(told)
                self._go_on(project, told)
                yield f"{project.reference}, {told.lead}: {told.story}"

    def _propose(self, told: Told) -> Project:
        with self._on(told.begins):
            lead = _person(told.lead)
            project: Project = proposals.propose(lead.center, by=lead, title=told.title)
            proposals.write(
                project, by=lead, lay_summary=told.summary, methods=told.methods, purpose=purpose_of(told), gpu_hours=40
            )
            for slug, why in told.data.items():
                version = DatasetVersion.objects.get(dataset__slug=slug, status="published")
                proposals.ask_for(project, by=lead, version=version, reason=why)
            for name in told.team:
                proposals.add_to_team(project, by=lead, member=_person(name))
        if told.story != "draft":
            with self._on(told.begins + 1):
                self._complete(project, told, lead)
        return project

    def _complete(self, project: Project, told: Told, lead: Member) -> None:
        last = (self.today + RUNS * DAY).date()
        proposals.write(
            project,
            by=lead,
            public_benefit=BENEFIT,
            outputs=OUTPUTS,
            risks=NO_RISK,
            ethics_reference=f"IRB-{-told.begins:04d}",
            ethics_until=last - 60 * DAY,
            ends_on=last,
        )
        proposals.submit(project, by=lead)

    def _go_on(self, project: Project, told: Told) -> None:
        lead = _person(told.lead)
        if told.story == "withdrawn":
            with self._on(told.begins + 3):
                proposals.withdraw(project, by=lead)
        elif told.story == "returned":
            with self._on(told.begins + 4):
                decisions.return_to_lead(project, by=_stewards(_requests(project)[0])[0], reason=told.words["return"])
        elif told.story == "asked":
            self._ask_and_decide_one(project, told, lead)
        elif told.story != "draft":
            self._decide_all(project, told)
            self._live(project, told, lead)

    def _ask_and_decide_one(self, project: Project, told: Told, lead: Member) -> None:
        own, other = _requests(project)
        with self._on(told.begins + 5):
            decisions.take(other, by=_stewards(other)[0])
            asked = proposals.remark(project, by=_stewards(other)[0], text=told.words["question"], request=other)
        with self._on(told.begins + 6):
            proposals.remark(project, by=lead, text=told.words["answer"], request=other, answers=asked)
            self._approve(own, told)

    def _decide_all(self, project: Project, told: Told) -> None:
        for place, request in enumerate(_requests(project)):
            with self._on(told.begins + 4 + 2 * place):
                if place and "refusal" in told.words:
                    decisions.refuse(request, by=_stewards(request)[0], reason=told.words["refusal"])
                else:
                    self._approve(request, told)

    def _approve(self, request: AccessRequest, told: Told) -> None:
        lasts = int(told.words.get("lasts", RUNS - 30))  # days from today
        ends_on = (self.today + lasts * DAY).date()
        conditions, edition = told.words.get("conditions", ""), request.edition
        assert edition is not None  # a constraint holds it
        for steward in _stewards(request)[: request.version.dataset.quorum]:
            decisions.approve(request, by=steward, edition=edition.number, ends_on=ends_on, conditions=conditions)

    def _live(self, project: Project, told: Told, lead: Member) -> None:
        if told.story == "decided":
            return
        with self._on(told.begins + 8):
            decisions.start(project, by=lead)
            for request in _requests(project):
                _accept_terms(lead, request.version)
        if told.story == "suspended":
            with self._on(-5):
                manager = holders_of(Role.CENTER_MANAGER, project.center).select_related("center").first()
                decisions.suspend(project, by=manager, reason=told.words["suspension"])
        if told.story == "revoked":
            first = _requests(project)[0]
            with self._on(-4):
                decisions.revoke(first, by=_stewards(first)[0], reason=told.words["revocation"])
        if told.story == "closed":
            with self._on(-6):
                points = [point.key for point in to_confirm(project)]
                words = {"learned": told.words["learned"], "publications": told.words["published"]}
                closing.close(project, by=lead, confirmed=points, reason=told.words["closing"], **words)
        if told.story == "changing":
            self._change(project, told, lead)
        if told.story == "renewing":
            with self._on(-2):
                amendments.ask_to_renew(_requests(project)[0], by=lead)

    def _change(self, project: Project, told: Told, lead: Member) -> None:
        """The lead changes methods and team; one owner has agreed, the other's word is missing."""
        with self._on(-4):
            amendment = amendments.begin(Project.objects.get(pk=project.pk), by=lead)
        with self._on(-3):
            amendments.write(amendment, by=lead, methods=told.words["methods"])
            proposals.add_to_team(Project.objects.get(pk=project.pk), by=lead, member=_person(told.words["joins"]))
        with self._on(-2):
            amendments.submit(amendment, by=lead)
        with self._on(-1):
            self._approve(project.requests.filter(status="waiting").earliest("created_at", "pk"), told)

    def _on(self, days: int) -> AbstractContextManager[None]:
        return on_day(self.today + days * DAY)


def _accept_terms(member: Member, version: DatasetVersion) -> None:
    """Where an agreement lets them, and they have not yet: the member read the terms and accepted them."""
    found = terms_for(member, version)
    if found is None:
        return
    under = {"member": member, "dataset_version": version, "agreement_version": found.agreement_version}
    if not TermsAcceptance.objects.filter(**under).exists():
        accept_terms(version, by=member, text_sha256=sha256_of(found.text))


def _requests(project: Project) -> list[AccessRequest]:
    return list(project.requests.select_related("project", "version__dataset__center").order_by("created_at"))


def _stewards(request: AccessRequest) -> list[Member]:
    """The owner's stewards, those who have been there longest first."""
    found = holders_of(Role.DATA_STEWARD, request.version.dataset.center).select_related("center")
    return list(found.order_by("created_at", "name"))


def _person(name: str) -> Member:
    return Member.objects.select_related("center").get(name=name)
