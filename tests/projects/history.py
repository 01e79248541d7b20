"""One history of an alliance: who tries, on what, and what became of it. What can happen, the machine's rules say."""

from collections import Counter
from datetime import timedelta

import time_machine
from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine

from apps.alliance.models import Grant, Member
from apps.catalog.models import DatasetVersion
from apps.core.actors import Nobody
from apps.core.errors import PortalError
from apps.projects.models import AccessRequest, Project
from tests.projects.settled import BEGAN
from tests.rules.oracle import count_of_events

FITS, NEAR, ANY = "fits", "near", ""  # whoever may; or somebody with that role elsewhere; or just anybody


class History(RuleBasedStateMachine):
    """One history; begins from the alliance that `settle` made and is undone at its end."""

    tried: Counter = Counter()
    asked: Counter = Counter()
    steps: int = 0  # in all histories: how often the rules were read again after somebody or the clock did something

    def __init__(self):
        super().__init__()
        self.clock = time_machine.travel(BEGAN + timedelta(days=2), tick=False)
        self.turn = self.clock.start()
        self.undone = transaction.atomic()
        self.undone._from_testcase = True  # as Django marks a test's own transaction: commands may be durable within
        self.undone.__enter__()
        self.attempts, self.before = 0, count_of_events()
        self.people = list(Member.objects.exclude(center__short_name="Runners").order_by("created_at", "pk"))
        self.versions = list(DatasetVersion.objects.select_related("dataset").order_by("pk"))

    def teardown(self):
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)
        self.clock.stop()

    def one_of(self, n, rows):
        chosen = list(rows)
        return chosen[n % len(chosen)] if chosen else None

    def anybody(self, n):
        return Nobody() if n == 63 else Member.objects.get(pk=self.one_of(n, self.people).pk)

    def holder_of(self, n, role, *, at, fits):
        """Whoever holds the role at the center, or at another one, or just anybody."""
        held = Grant.history.filter(role=role, ended_at=None).order_by("granted_at", "pk")
        held = held.filter(center=at) if fits == FITS else held.exclude(center=at)
        found = self.one_of(n, held.values_list("user_id", flat=True)) if fits else None
        return Member.objects.get(pk=found) if found else self.anybody(n)

    def lead_of(self, n, project, *, fits):
        if fits == FITS:
            return Member.objects.get(pk=project.lead_id)
        on_team = project.team.exclude(member=project.lead_id).values_list("member_id", flat=True)
        near = self.one_of(n, on_team) if fits else None
        return Member.objects.get(pk=near) if near else self.anybody(n)

    def team_of(self, project, fits):
        """Who is on the team, where it shall fit without the lead."""
        team = project.team.filter(until=None).order_by("since", "pk")
        return team.exclude(member=project.lead_id) if fits else team

    def project(self, n, *states, fits=FITS):
        """One of these states where it shall fit and there is one, else any."""
        found = Project.objects.order_by("created_at", "pk")
        likely = found.filter(status__in=states) if fits else found
        return self.one_of(n, likely) or self.one_of(n, found)

    def request(self, n, *states, fits=FITS):
        found = AccessRequest.objects.select_related("project", "version__dataset__center").order_by("created_at", "pk")
        likely = found.filter(status__in=states) if fits else found
        return self.one_of(n, likely) or self.one_of(n, found)

    def attempt(self, ask, target, *, by, **details):
        """Try it, a second after whatever was before; a refusal is as good as a success."""
        self.turn.shift(timedelta(seconds=1))
        if target is None:
            return
        self.attempts += isinstance(by, Member)
        name = f"{ask.__module__.rsplit('.', 1)[-1]}.{ask.__name__}"
        try:
            ask(target, by=by, **details)
        except PortalError:
            self.tried[f"{name} refused"] += 1
        else:
            self.tried[name] += 1
