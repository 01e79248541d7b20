"""What a test wants to be so, done by the portal's own commands in the home under test; prints JSON.

`project LEAD DATA TEAM`: a running project of this demo person on these datasets, whose terms everybody accepted.
"""

import json
import sys
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.utils import timezone  # noqa: E402

from apps.agreements import demo as agreements  # noqa: E402
from apps.agreements.models import TemplateVersion  # noqa: E402
from apps.alliance.demo_story import on_day  # noqa: E402
from apps.audit.source import coming_from  # noqa: E402
from apps.projects import demo  # noqa: E402
from apps.projects.access import may_use  # noqa: E402
from apps.projects.demo_words import LUNG, Told  # noqa: E402
from apps.projects.models import AccessRequest, Project  # noqa: E402


class Quickly(demo.Story):
    """The story of one project with a minute between its steps, in the order in which they come."""

    steps = 0

    def _on(self, days: int) -> AbstractContextManager[None]:
        self.steps += 1
        return on_day(self.today + timedelta(minutes=self.steps - 120))


def project(lead: str, data: str, team: str) -> str:
    """The identifier of a project that runs."""
    slugs, others = json.loads(data), json.loads(team)
    told = Told(
        lead=lead, title=f"A question about {len(slugs)} datasets, {timezone.now():%H:%M:%S.%f}", begins=-20,
        story="running", summary="What we want to know, in plain words.", methods="Models of survival.",
        data=dict.fromkeys(slugs, "It holds what the question asks for."), team=others,
        disease=LUNG, is_genetic=any(slug.startswith("genomics-") for slug in slugs),
    )  # fmt: skip
    story = Quickly(timezone.now())
    with coming_from(component="demo", auth={"method": "demo", "factors": ["demo"], "age_s": 0}):
        made = story._propose(told)
        story._go_on(made, told)
        _agree_where_nobody_did(made, (lead, *others))
        with on_day(timezone.now()):
            for request in demo._requests(made):
                for name in (lead, *others):
                    if "terms" in lacks(name, request, made):
                        demo._accept_terms(demo._person(name), request.version)
    made = Project.objects.get(pk=made.pk)
    for request in demo._requests(made):
        for name in (lead, *others):
            if missing := lacks(name, request, made):
                raise SystemExit(f"{name} lacks, for {request.version}: {missing}")
    return str(made.pk)


def lacks(name: str, request: AccessRequest, made: Project) -> list[str]:
    """The lines of the access decision that are not met for this person."""
    decision = may_use(demo._person(name), request.version.dataset, made)
    return [line.key for line in decision.missing]


def _agree_where_nobody_did(made: Project, names: tuple[str, ...]) -> None:
    """An agreement of all data of the owner with the center of each who lacks one."""
    story = agreements.Story(timezone.now())
    story.wording = TemplateVersion.objects.filter(status="published").latest("number")
    pairs = {
        (request.version.dataset.center.short_name, demo._person(name).center.short_name)
        for request in demo._requests(made)
        for name in names
        if "agreement" in lacks(name, request, made)
    }
    for giver, taker in sorted(pairs):
        story._tell_one(agreements.Told(giver, taker, f"Data of {giver} for {taker}", -1, 300))


WAYS: dict[str, Any] = {"project": project}

if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[1]](*sys.argv[2:])))
