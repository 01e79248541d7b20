"""The reads of projects that the record keeps."""

from apps.core.events import read

ACCESS_REPLAYED = read(
    "projects.access.replayed",
    "Looked whether somebody could use data at a past moment",
    attempt="look whether somebody could use data at a past moment",
    when="Before an auditor is shown the access decision as it was at the moment that they chose.",
    about=("projects.project",),
)
