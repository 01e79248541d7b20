"""Lets the demo's agreements happen: the commands that people use, with the clock turned to each step's day."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from apps.agreements.demo_words import AGREEMENTS, CONDITIONS, NAME, PURPOSE, TEXT, VALUES, Told
from apps.agreements.models import Agreement, AgreementVersion, TemplateVersion
from apps.agreements.selectors import offered_datasets
from apps.agreements.services import drafts, signing, templates
from apps.agreements.tasks import keep_dates
from apps.alliance.demo_story import on_day
from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of, the_alliance
from apps.audit.source import coming_from
from apps.catalog.models import Dataset, DatasetVersion
from apps.core.notices import mark_read

DAY = timedelta(days=1)
LONG_AGO = 14  # days after which people have read what they were told


class Story:
    """One telling of the demo's agreements; `today` is when it is told."""

    def __init__(self, today: datetime) -> None:
        self.today = today
        self.wording: TemplateVersion | None = None

    def tell(self) -> Iterator[str]:
        """Let everything happen; yields a line for each agreement. What is there already stays as it is."""
        if Agreement.objects.exists():
            yield "The demo's agreements are there already."
            return
        with coming_from(component="demo", auth={"method": "demo", "factors": ["demo"], "age_s": 0}):
            self.wording = self._publish_wording()
            for told in AGREEMENTS:
                yield self._tell_one(told)
            with on_day(self.today):
                keep_dates()

    def _publish_wording(self) -> TemplateVersion:
        alliance = the_alliance()
        manager = _one(holders_of(Role.ALLIANCE_MANAGER, alliance))
        with on_day(self.today - 100 * DAY):
            template = templates.draft_template(alliance, by=manager, name=NAME, purpose=PURPOSE, text=TEXT)
            wording: TemplateVersion = template.versions.get()
            templates.publish_wording(wording, by=_fresh(manager))
        wording.refresh_from_db()
        return wording

    def _tell_one(self, told: Told) -> str:
        giver, taker = (Center.objects.get(short_name=name) for name in (told.providing, told.receiving))
        if not self._data_of(giver, told.begins):
            return f"{giver} shares no data yet, so nothing is agreed on"
        began = min(told.begins, -6)
        with on_day(self._day(began - 4)):
            values = VALUES | ({"acknowledgement": ""} if told.story == "draft" else {})
            agreement = drafts.draft(
                giver,
                by=_manager(giver),
                receiving=taker,
                title=told.title,
                template_version=self.wording,
                values=values,
                conditions=CONDITIONS,
                starts_on=self._day(told.begins).date(),
                ends_on=self._day(told.ends).date(),
                datasets=self._data_of(giver, began - 4),
            )
        version: AgreementVersion = agreement.versions.get()
        if told.story != "draft":
            self._go_on(version, told, began)
        return f"{agreement.reference}, {giver} and {taker}: {told.story}"

    def _go_on(self, version: AgreementVersion, told: Told, began: int) -> None:
        giver, taker = version.agreement.providing, version.agreement.receiving
        with on_day(self._day(began - 3)):
            drafts.send(version, by=_manager(giver))
        if told.story == "sent":
            return
        if told.story == "called back":
            with on_day(self._day(-2)):
                drafts.recall(
                    version, by=_official(taker), reason="Name the two datasets that you mean, not all of them."
                )
            return
        with on_day(self._day(began - 2)):
            _sign(version, giver, "")
        if told.story == "signed by one":
            return
        with on_day(self._day(began)):
            _sign(version, taker, "Checked by our research office.")
            keep_dates()
            _have_read(giver, taker, began)
        if told.story == "terminated":
            with on_day(self._day(-20)):
                version.refresh_from_db()
                signing.terminate(version, by=_official(taker), reason="The study ended sooner than planned.")
        if told.story == "amended":
            self._amend(version.agreement)

    def _amend(self, agreement: Agreement) -> None:
        """What was published since comes in, and the last day moves a year."""
        giver, taker = agreement.providing, agreement.receiving
        with on_day(self._day(-35)):
            first = drafts.amend(agreement, by=_manager(giver))
            drafts.discard(first, by=_manager(giver), reason="We wait for the slides, which come in tomorrow.")
        with on_day(self._day(-34)):
            version = drafts.amend(agreement, by=_manager(giver))
            drafts.edit(
                version,
                by=_manager(giver),
                values=version.values,
                conditions=f"{CONDITIONS}\nSlides are viewed in the portal only.",
                starts_on=self._day(-28).date(),
                ends_on=version.ends_on + 365 * DAY,
                datasets=self._data_of(giver, -34),
            )
        with on_day(self._day(-33)):
            version.refresh_from_db()
            drafts.send(version, by=_manager(giver))
        for days, center in ((-31, taker), (-30, giver)):
            with on_day(self._day(days)):
                _sign(version, center, "")
        with on_day(self._day(-28)):
            keep_dates()
            _have_read(giver, taker, -28)

    def _day(self, days: int) -> datetime:
        return self.today + days * DAY

    def _data_of(self, center: Center, days: int) -> list[Dataset]:
        """What the center had published by that day."""
        published = DatasetVersion.objects.filter(status="published", published_at__lte=self._day(min(days, 0)))
        return list(offered_datasets(center).filter(pk__in=published.values("dataset")))


def _sign(version: AgreementVersion, center: Center, statement: str) -> None:
    version.refresh_from_db()
    signing.sign(version, by=_official(center), text_sha256=version.text_id, statement=statement)


def _have_read(giver: Center, taker: Center, days: int) -> None:
    if days < -LONG_AGO:
        for person in (_manager(giver), _official(giver), _official(taker)):
            mark_read(person)


def _manager(center: Center) -> Member:
    return _one(holders_of(Role.CENTER_MANAGER, center))


def _official(center: Center) -> Member:
    return _one(holders_of(Role.SIGNING_OFFICIAL, center))


def _one(people: Any) -> Member:
    found: Member | None = people.select_related("center").order_by("created_at").first()
    assert found, "the demo alliance has somebody in each role"
    return found


def _fresh(member: Member) -> Member:
    return Member.objects.select_related("center").get(pk=member.pk)
