"""Commands on who stands in for a steward who is away; nobody decides more by it than before."""

from datetime import date, timedelta

from django.urls import reverse
from django.utils import timezone

from apps.alliance.models import Member
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import tell
from apps.projects import policies as may
from apps.projects.models import AccessRequest, StandIn
from apps.projects.stand_ins import share_data

LONGEST = 366  # days


@command("projects.stand_in.named", policy=may.may_name_stand_in, creates=StandIn)
def name_stand_in(
    away: Member, *, by: Member, stand_in: Member, starts_on: date, ends_on: date, reason: str = ""
) -> StandIn:
    """Say which other steward looks after what this one took, from one day to another; both are told."""
    deputy = Member.objects.select_related("center").get(pk=stand_in.pk)
    _demand_days(starts_on, ends_on)
    if deputy.pk == away.pk:
        raise Invalid(fields={"stand_in": "Nobody stands in for themselves. Choose another steward."})
    if deputy.status != Member.Status.ACTIVE or deputy.center_id != away.center_id or not share_data(away, deputy):
        raise Invalid(fields={"stand_in": f"{deputy} is no steward of the data that {away} stewards. Choose another."})
    others = StandIn.objects.filter(away=away, ended_at=None, starts_on__lte=ends_on, ends_on__gte=starts_on)
    if (other := others.select_related("stand_in").first()) is not None:
        raise Invalid(
            fields={"starts_on": f"{other.stand_in} stands in on some of these days. End that first, or choose others."}
        )
    made = StandIn.objects.create(
        center=away.center, away=away, stand_in=deputy, starts_on=starts_on, ends_on=ends_on, reason=reason, named_by=by
    )
    note(away=str(away.pk), stand_in=str(deputy.pk), until=ends_on.isoformat())
    _tell_of(made, by)
    return made


@command("projects.stand_in.ended", policy=may.may_end_stand_in)
def end_stand_in(stand_in: StandIn, *, by: Member) -> None:
    """End it at once: the steward is back, or the other one can't; what was taken over stays taken over."""
    if stand_in.ended_at or stand_in.ends_on < timezone.now().date():
        raise WrongState("This has ended already.")
    stand_in.ended_at, stand_in.ended_by = timezone.now(), by
    stand_in.save(update_fields=["ended_at", "ended_by"])
    note(away=str(stand_in.away_id), stand_in=str(stand_in.stand_in_id))
    for person in (stand_in.away, stand_in.stand_in):
        if person.pk != by.pk:
            subject = f"{stand_in.stand_in} no longer stands in for {stand_in.away}"
            tell(person, key=f"stand-in-ended:{stand_in.pk}", subject=subject, text=f"{by} ended it.", path=_page())


def _demand_days(starts_on: date, ends_on: date) -> None:
    today = timezone.now().date()
    if starts_on < today:
        raise Invalid(fields={"starts_on": "Choose today or a later day."})
    if ends_on < starts_on:
        raise Invalid(fields={"ends_on": "The last day comes before the first."})
    if ends_on > starts_on + timedelta(days=LONGEST):
        raise Invalid(fields={"ends_on": "Choose at most a year. Who is away for longer lays the role down."})


def _tell_of(made: StandIn, by: Member) -> None:
    """What the one takes on, and to whom it may concern besides; never to whoever named it."""
    taken = AccessRequest.objects.filter(status=AccessRequest.Status.WAITING, taken_by=made.away)
    count = taken.count()
    holds = f"{made.away} holds {count} {'request' if count == 1 else 'requests'} that you can take over. "
    days = f"From {made.starts_on:%-d %B %Y} until {made.until}"
    text = f"{days}. {holds if count else ''}What you may decide stays as it was."
    for person, subject in (
        (made.stand_in, f"You stand in for {made.away}"),
        (made.away, f"{made.stand_in} stands in for you"),
    ):
        if person.pk != by.pk:
            named = f"{by} named {'you' if person.pk == made.stand_in_id else made.stand_in}. "
            tell(person, key=f"stand-in:{made.pk}", subject=subject, text=named + text, path=_page())


def _page() -> str:
    return reverse("access:requests")
