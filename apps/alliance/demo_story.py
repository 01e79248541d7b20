"""Lets the demo alliance happen: the same commands that people use, with the clock turned to the day of each step."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from unittest import mock

from django.utils import timezone

from apps.alliance import evidence
from apps.alliance.actors import FOUNDER
from apps.alliance.demo import APPLICANT, CENTERS, TRAININGS, DemoCenter, DemoPerson
from apps.alliance.models import Alliance, Center, Member, TrainingRecord, TrainingType
from apps.alliance.roles import Role
from apps.alliance.selectors import the_alliance
from apps.alliance.services import centers, founding, grants, people, training
from apps.alliance.signin.demo import give_demo_factor
from apps.audit.source import coming_from
from apps.core.errors import NotAllowed
from apps.core.models import Notice

PAST = timedelta(days=400)
STORIES = {"invited", "invitation_stale"}


@contextmanager
def on_day(moment: datetime) -> Iterator[None]:
    """The portal's clock stands at this moment inside."""
    with mock.patch.object(timezone, "now", return_value=moment):
        yield


class Story:
    """One telling of the demo; `today` is when it is told."""

    def __init__(self, today: datetime) -> None:
        self.today = today
        self.alliance: Alliance = the_alliance()
        self.types: dict[str, TrainingType] = {}
        self.founder: Member | None = None

    def tell(self) -> Iterator[str]:
        """Let everything happen; yields a line of progress per center."""
        with coming_from(component="demo", auth={"method": "demo", "factors": ["demo"], "age_s": 0}):
            first, *others = CENTERS
            with on_day(self.today - PAST):
                self._found(first)
                yield f"{first.short_name} founds the alliance"
                self._publish_trainings()
                self._people_of(self._center(first), first)
            for offset, demo in enumerate(others, start=1):
                with on_day(self.today - PAST + timedelta(days=7 * offset)):
                    self._join(demo)
                yield f"{demo.short_name} joins"
            for demo in CENTERS:
                self._later_stories(demo)
            yield "people train, leave, are invited"
            with on_day(self.today - timedelta(days=4)):
                centers.apply(self.alliance, by=self._founder(), **_facts(APPLICANT))
            self._refused_attempts()
            yield f"{APPLICANT.short_name} applies"
        Notice.objects.filter(created_at__lt=self.today - timedelta(days=14)).update(read_at=self.today)

    # ── centers ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _found(self, demo: DemoCenter) -> None:
        center = founding.found_center(self.alliance, by=FOUNDER, **_facts(demo))
        person = demo.people[0]
        self.founder = founding.found_manager(center, by=FOUNDER, email=person.email(demo.domain), name=person.name)
        self._accept(self.founder, person)

    def _join(self, demo: DemoCenter) -> None:
        center = centers.apply(self.alliance, by=self._founder(), **_facts(demo))
        person = demo.people[0]
        manager = people.invite_first_manager(
            center, by=self._founder(), email=person.email(demo.domain), name=person.name, position=person.position
        )
        self._accept(manager, person)
        grants.appoint_first_manager(
            center, by=self._founder(), member=manager, reason="Named in the center's letter of accession."
        )
        centers.admit(center, by=self._founder(), reason="The board of the alliance agreed.")
        self._people_of(center, demo)

    def _people_of(self, center: Center, demo: DemoCenter) -> None:
        manager = self._member(demo, demo.people[0])
        for person in demo.people[1:]:
            if person.story in STORIES:
                continue
            member = people.invite(
                center, by=manager, email=person.email(demo.domain), name=person.name, position=person.position
            )
            self._accept(member, person)
            for role in person.roles:
                ends_at = self.today + timedelta(days=26) if person.story == "role_ending" else None
                grants.give_at_center(
                    center, by=manager, member=member, role=role, reason="Named by the center's board.", ends_at=ends_at
                )
            for role in person.alliance_roles:
                grants.give_at_alliance(
                    self.alliance, by=self._founder(), member=member, role=role, reason="Elected by the centers."
                )

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _later_stories(self, demo: DemoCenter) -> None:
        center = self._center(demo)
        manager, second = self._member(demo, demo.people[0]), self._member(demo, demo.people[1])
        with on_day(self.today - timedelta(days=90)):
            people.vouch(manager, by=second)
            self._train(manager)
        for days, person in enumerate(demo.people[1:]):
            if person.story not in STORIES:
                with on_day(self.today - timedelta(days=345 if person.story == "vouch_ending" else 80 - days)):
                    people.vouch(self._member(demo, person), by=manager)
            then = self.today - timedelta(days=16 - days)
            with on_day(then):
                if person.story in STORIES:
                    self._invite_late(center, manager, demo, person)
                elif person.story == "suspended":
                    people.suspend(self._member(demo, person), by=manager, reason="On leave until spring.")
                elif person.story == "left":
                    people.leave(self._member(demo, person), by=manager, reason="Moved to another hospital.")
                else:
                    self._training_story(self._member(demo, person), person, manager)

    def _invite_late(self, center: Center, manager: Member, demo: DemoCenter, person: DemoPerson) -> None:
        days = 20 if person.story == "invitation_stale" else 3
        with on_day(self.today - timedelta(days=days)):
            people.invite(
                center, by=manager, email=person.email(demo.domain), name=person.name, position=person.position
            )

    def _training_story(self, member: Member, person: DemoPerson, manager: Member) -> None:
        second = "Data security in the alliance"
        if person.story == "training_waiting":
            self._train(member, skip=second)
            self._submit(member, second)
        elif person.story == "training_returned":
            self._train(member, skip=second)
            record = self._submit(member, second)
            training.return_to_member(
                record, by=manager, reason="The certificate shows no name. Send the page that does."
            )
        elif person.story == "training_lapsed":
            with on_day(self.today - timedelta(days=368)):
                self._train(member)
        elif person.story == "training_lapsing":
            with on_day(self.today - timedelta(days=350)):
                self._train(member)
        elif person.story != "training_missing":
            self._train(member)
        else:
            self._train(member, skip="Statistical disclosure control")

    def _train(self, member: Member, *, skip: str = "") -> None:
        held = {grant.role for grant in _fresh(member).grants()}
        for name, _, _, of_all, roles in TRAININGS:
            if name != skip and (of_all or held & set(roles)):
                self._decide(self._submit(member, name))

    def _submit(self, member: Member, name: str) -> TrainingRecord:
        completed = timezone.now().date() - timedelta(days=3)
        proof = evidence.keep(BytesIO(_certificate(member.name, name)), name=f"{name}.pdf")
        record: TrainingRecord = training.submit(
            member, by=member, training_type=self.types[name], completed_on=completed, evidence=proof
        )
        return record

    def _decide(self, record: TrainingRecord) -> None:
        managers = Member.objects.filter(
            center=record.member.center, all_grants__role=Role.CENTER_MANAGER, all_grants__ended_at=None
        ).exclude(pk=record.member_id)
        if manager := managers.order_by("created_at").first():
            training.accept(record, by=manager)

    def _accept(self, member: Member, person: DemoPerson) -> None:
        invitation = member.invitations.get()
        people.accept_invitation(member, by=member, invitation=invitation, name=person.name)
        people.edit_profile(_fresh(member), by=_fresh(member), name=person.name, position=person.position, orcid="")
        give_demo_factor(member)

    def _publish_trainings(self) -> None:
        for name, description, lifetime, of_all, roles in TRAININGS:
            self.types[name] = training.publish_type(
                self.alliance,
                by=self._founder(),
                name=name,
                description=description,
                lifetime_days=lifetime,
                required_of_all=of_all,
                required_for=[role.value for role in roles],
            )

    def _refused_attempts(self) -> None:
        """What auditors find on their desk: two attempts that the gate refused."""
        fred_hutch, msk = CENTERS[0], CENTERS[2]
        with on_day(self.today - timedelta(days=3)), suppress(NotAllowed):
            manager = self._member(fred_hutch, fred_hutch.people[1])
            role = Role.OUTPUT_CHECKER
            grants.give_at_center(manager.center, by=manager, member=manager, role=role, reason="Short of checkers.")
        with on_day(self.today - timedelta(days=1)), suppress(NotAllowed):
            steward = self._member(msk, msk.people[2])
            people.invite(steward.center, by=steward, email=f"new.person@{msk.domain}", name="New Person")

    # ── look-ups ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _founder(self) -> Member:
        assert self.founder
        return _fresh(self.founder)

    def _center(self, demo: DemoCenter) -> Center:
        return Center.objects.get(short_name=demo.short_name)

    def _member(self, demo: DemoCenter, person: DemoPerson) -> Member:
        return Member.objects.select_related("center").get(email=person.email(demo.domain))


def _fresh(member: Member) -> Member:
    return Member.objects.select_related("center").get(pk=member.pk)


def _facts(demo: DemoCenter) -> dict[str, Any]:
    return {
        "short_name": demo.short_name,
        "legal_name": demo.legal_name,
        "ror_id": demo.ror_id,
        "email_domains": [demo.domain],
        "contact_name": demo.contact,
        "contact_email": f"data@{demo.domain}",
        "smallest_count": demo.smallest_count,
    }


def _certificate(person: str, course: str) -> bytes:
    """A one-page PDF that says who took what; different for each, so that its hash is."""
    words = f"This certifies that {person} completed {course}. Invented, for the demo."
    text = words.encode("latin-1", "replace").replace(b"(", b"").replace(b")", b"")
    stream = b"BT /F1 12 Tf 60 720 Td (" + text + b") Tj ET"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n" % len(stream) + stream + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj" % number + part + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        body
        + b"xref\n0 6\n0000000000 65535 f \n"
        + table
        + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(body)
    )
