"""What a project still lacks, whose turn it is, and how long such a step usually takes: at any time, for who looks."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from apps.agreements.selectors import usual_signing_days
from apps.agreements.timelines import days_words
from apps.alliance.models import Member
from apps.alliance.selectors import median_training_days
from apps.catalog.selectors import stewarded
from apps.projects.explained import Answer, is_approved
from apps.projects.models import AccessRequest, Project, StandIn
from apps.projects.selectors import unanswered
from apps.projects.stand_ins import standing_in

P, R = Project.Status, AccessRequest.Status
REFUSED = {R.REFUSED, R.REVOKED}
LACKS = {
    "center": "Your center is not active",
    "membership": "Your center’s word for you",
    "training": "Your training",
    "factor": "Your second factor",
    "version": "A version that can be used",
    "agreement": "An agreement on the data",
    "terms": "Your acceptance of the terms",
    "purpose": "A purpose that the terms allow",
    "ethics": "A valid ethics approval",
    "budget": "GPU-hours",
}
OF_THE_PROPOSAL = {"purpose", "ethics"}  # what a draft lacks of these, it is told by what is missing in it
BEFORE_DECIDED = {*Project.WRITABLE, P.SUBMITTED}


@dataclass(frozen=True)
class Turn:
    """One thing that is missing, as <c-waiting> shows it."""

    what: str
    whose: str
    for_whom: str = ""
    since: datetime | None = None
    usually: str = ""
    url: str = ""
    button: str = ""


def turns_of(
    project: Project,
    requests: Collection[AccessRequest],
    *,
    missing: Sequence[str],
    answers: Sequence[Answer],
    usual: dict[UUID, float],
    by: Member,
) -> list[Turn]:
    """What the project waits for, then what this person of its team waits for before they can use its data."""
    stage = _STAGES.get(project.status)
    found = list(stage(project, requests, missing, usual, by)) if stage else []
    return [*found, *_personal(project, answers, by)]


# ── the project's next step ─────────────────────────────────────────────────────────────────────────────────────────
def _writing(project: Project, _requests: Any, missing: Sequence[str], _usual: Any, by: Member) -> Iterable[Turn]:
    is_lead = by.pk == project.lead_id
    url = reverse("projects:write" if missing else "projects:submit", args=[project.pk]) if is_lead else ""
    what = "It is complete and can be sent"
    if missing:
        what = f"{len(missing)} {'answer is' if len(missing) == 1 else 'answers are'} missing before it can be sent"
    yield Turn(what, _lead(project, by), "", project.status_at, "", url)


def _deciding(
    project: Project, requests: Collection[AccessRequest], _missing: Any, usual: dict[UUID, float], by: Member
) -> Iterable[Turn]:
    mine = set(stewarded(by).values_list("pk", flat=True))
    away = standing_in([one for one in requests if one.status == R.WAITING])
    for one in requests:
        owner = one.version.dataset.center
        if one.status == R.WAITING:
            url = reverse("access:request", args=[one.pk]) if one.version.dataset_id in mine else ""
            whose = _decider(one, away.get(one.pk))
            usually = days_words(usual.get(owner.pk))
            yield Turn(f"{owner}’s decision", whose, one.version.dataset.title, one.waits_since, usually, url)
    for asked in unanswered(project):
        page = f"{reverse('projects:project', args=[project.pk])}?answer={asked.pk}#say"
        yield Turn(f"An answer to {asked.by} of {asked.by.center}", "the team", "", asked.said_at, "", page)


def _decider(request: AccessRequest, stand_in: StandIn | None) -> str:
    """Whose turn it is really: whoever took it, and who stands in while they are away."""
    owner = request.version.dataset.center
    if stand_in:
        return f"{stand_in.stand_in} of {owner}, who stands in for {stand_in.away} until {stand_in.until}"
    return f"{request.taken_by} of {owner}" if request.taken_by else f"the data stewards of {owner}"


def _starting(
    project: Project, requests: Collection[AccessRequest], _missing: Any, _usual: Any, by: Member
) -> Iterable[Turn]:
    if any(one.status == R.APPROVED for one in requests):
        yield Turn("Its start", _lead(project, by), "every owner has decided", project.status_at)
    else:
        words = "A new proposal, since no owner approved its data"
        yield Turn(words, _lead(project, by), "", project.status_at, "", reverse("projects:propose"))


def _halted(project: Project, *asked: Any) -> Iterable[Turn]:
    yield Turn("A word that it goes on", f"a center manager of {project.center}", "", project.status_at)
    yield from _deciding(project, *asked)


def _running(project: Project, *asked: Any) -> Iterable[Turn]:
    yield from _deciding(project, *asked)
    if project.ends_on and project.ends_on < timezone.now().date():
        yield Turn("Its close, since its last day is over", f"{project.lead}", "", project.status_at)


_STAGES: dict[str, Callable[..., Iterable[Turn]]] = {
    P.DRAFT: _writing,
    P.RETURNED: _writing,
    P.SUBMITTED: _deciding,
    P.DECIDED: _starting,
    P.SUSPENDED: _halted,
    P.ACTIVE: _running,
}


def _lead(project: Project, by: Member) -> str:
    return "you" if by.pk == project.lead_id else str(project.lead)


# ── what the person who looks still lacks ───────────────────────────────────────────────────────────────────────────
def _personal(project: Project, answers: Sequence[Answer], by: Member) -> list[Turn]:
    """Each lack once, whichever data it concerns; what waits for somebody else's step before is left out."""
    found: dict[tuple[str, str], Turn] = {}
    titles: dict[tuple[str, str], list[str]] = {}
    for answer in answers:
        if answer.request.status in REFUSED and not is_approved(answer.decision):
            continue
        lines = {line.key: (line, shown) for line, shown in zip(answer.decision.lines, answer.lines, strict=True)}
        for key, (line, shown) in lines.items():
            if line.met or key not in LACKS or (key in OF_THE_PROPOSAL and project.status in BEFORE_DECIDED):
                continue
            if key == "terms" and not shown.mend_url:
                continue
            about = (key, answer.dataset.title if key in {"version", "terms", "purpose"} else line.words)
            titles.setdefault(about, []).append(answer.dataset.title)
            for_whom = "; ".join(titles[about]) if key in {"agreement", "terms", "version"} else line.detail
            usually = days_words(_usual_of(key, answer, by))
            button = shown.mend if shown.mender == "you" and shown.mend_url else ""
            found[about] = Turn(LACKS[key], shown.mender, for_whom, None, usually, shown.mend_url, button)
    return list(found.values())


def _usual_of(key: str, answer: Answer, by: Member) -> float | None:
    """The median of days that this step takes those who make it, where anybody can know."""
    if key == "training":
        return median_training_days(by.center)
    if key == "agreement":
        return max(usual_signing_days([answer.dataset.center_id, by.center_id]).values(), default=None)
    return None
