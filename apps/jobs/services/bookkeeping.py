"""Commands on what computing costs: budgets and shares, the word that a budget is nearly used up, the nightly check."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from apps.alliance.models import Alliance, Center, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import AlreadyDelivered, Invalid
from apps.core.notices import tell
from apps.core.outbox import later
from apps.jobs import limits
from apps.jobs import policies as may
from apps.jobs.books import Balance, Month, balances
from apps.jobs.checking import Difference
from apps.jobs.models import Budget, Share, Usage

SHOWN = 20  # differences that a mail names


@command("jobs.budget.changed", policy=may.may_set_budget, fresh=True)
def set_budget(center: Center, *, by: Member, resource: str, hours: int | None, reason: str) -> None:
    """Say how many hours of a resource the center pays for in a month; None: without a bound."""
    if resource not in Usage.Resource.values:
        raise Invalid(fields={"resource": "Choose processors or graphics processors."})
    if hours is not None and not 0 <= hours <= limits.MOST_HOURS:
        raise Invalid(
            fields={"hours": f"A budget lies between 0 and {limits.MOST_HOURS:,} hours; empty means no bound."}
        )
    demand_reason(reason)
    budget = Budget.objects.filter(center=center, resource=resource).first() or Budget(center=center, resource=resource)
    note(resource=resource, before=_hours(budget.hours), after=_hours(hours))
    budget.hours, budget.told = hours, ""
    budget.save()
    later("jobs.dispatch")  # what was held back


@command("jobs.share.changed", policy=may.may_set_share, fresh=True)
def set_share(center: Center, *, by: Member, weight: float, reason: str) -> None:
    """Say how much of the slots a center is entitled to beside the others."""
    if not limits.LEAST_SHARE <= weight <= limits.MOST_SHARE:
        bounds = f"{limits.LEAST_SHARE:g} and {limits.MOST_SHARE:,}"
        raise Invalid(fields={"weight": f"A share lies between {bounds}; 1 is the usual one."})
    demand_reason(reason)
    share, is_new = Share.objects.get_or_create(center=center, defaults={"weight": weight})
    note(before="" if is_new else f"{share.weight:g}", after=f"{weight:g}")
    if not is_new:
        share.weight = weight
        share.save(update_fields=["weight"])


@command("jobs.budget.warned", policy=only_the_system)
def warn(budget: Budget, *, by: Any) -> None:
    """Tell the center's managers that a budget is nearly or wholly used up, each once a month."""
    now = timezone.now()
    balance = next(one for one in balances(now, [budget.center_id]) if one.resource == budget.resource)
    if budget.told == (word := word_for(balance, now)) or not word:
        raise AlreadyDelivered("They were told.")
    month, budget.told = Month.of(now), word
    budget.save(update_fields=["told"])
    note(month=str(month), percent=balance.percent)
    used, hours = f"{balance.used:,.0f}", f"{balance.hours:,}"
    what = "New jobs wait or are refused; what runs goes on." if balance.is_spent else "At 100 % new jobs wait."
    for manager in holders_of(Role.CENTER_MANAGER, budget.center):
        tell(
            manager, key=f"budget:{budget.pk}:{word}:{budget.hours}",
            subject=f"{budget} for {month.words}: {balance.percent} % used",
            text=f"{used} of {hours} hours are used. {what} You can change it on the page.",
            path=reverse("jobs:center", args=[budget.center.slug]),
        )  # fmt: skip


def word_for(balance: Balance, now: datetime) -> str:
    """What there is to say of a budget now: its month and how far it is; "" where nothing is."""
    return f"{Month.of(now)}:{balance.level}" if balance.level else ""


@command("jobs.books.checked", policy=only_the_system)
def keep_check(alliance: Alliance, *, by: Any, attempts: int, differences: list[Difference]) -> None:
    """Write down that the books were held against what hosts counted and slots say; tell the managers what differs."""
    note(attempts=attempts, differences=len(differences), of=sorted({one.about for one in differences})[:SHOWN])
    if not differences:
        return
    day = timezone.now().date().isoformat()
    lines = "\n".join(one.words for one in differences[:SHOWN])
    for manager in holders_of(Role.ALLIANCE_MANAGER, alliance):
        tell(
            manager, key=f"books:{day}", subject=f"The books of computing differ in {len(differences):,} places",
            text=f"The nightly check found:\n{lines}", path=reverse("jobs:usage"),
        )  # fmt: skip


def demand_reason(reason: str) -> None:
    """Whoever changes or ends something says why."""
    if not reason.strip():
        raise Invalid(fields={"reason": "Say why; the record keeps it."})


def _hours(hours: int | None) -> str:
    return "no bound" if hours is None else str(hours)
