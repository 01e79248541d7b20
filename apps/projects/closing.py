"""What is to be settled before a project ends for good: each point is known by the portal or confirmed."""

from dataclasses import dataclass

from apps.catalog.duo import RTN
from apps.projects.models import AccessRequest, Amendment, Project

R = AccessRequest.Status


@dataclass(frozen=True)
class Point:
    """One point. `done` is what the portal knows of it; None: only the lead knows, and confirms it."""

    key: str
    words: str
    done: bool | None = None


def points_of(project: Project) -> list[Point]:
    """The points of this project, those that the portal knows first."""
    waits = project.requests.filter(status=R.WAITING).exists()
    changes = project.amendments.filter(status__in=Amendment.OPEN).exists()
    points = [
        Point("asked", "No owner is asked for anything any more; what waits is taken back.", not waits),
        Point("changes", "No change is open; what is open is taken back.", not changes),
        Point("outputs", "All outputs that are needed were released."),
        Point("copies", "No copies of the data are anywhere else."),
    ]
    if owners := owners_of_returns(project):
        points.append(Point("returned", f"The results were returned to {', '.join(owners)}, as their terms ask."))
    points.append(Point("publications", "Every publication stands below with its DOI, or there is none."))
    return points


def to_confirm(project: Project) -> list[Point]:
    """Those that the lead confirms."""
    return [point for point in points_of(project) if point.done is None]


def owners_of_returns(project: Project) -> list[str]:
    """The owners whose terms ask that results come back to them (DUO RTN), of the data that was ever approved."""
    used = project.requests.filter(
        status__in=[R.APPROVED, R.REVOKED, R.REPLACED], version__terms__contains=[{"code": RTN}]
    )
    return sorted(set(used.values_list("version__dataset__center__short_name", flat=True)))
