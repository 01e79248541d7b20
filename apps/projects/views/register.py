"""The public register: which projects use which data. Open to everybody, so it shows nothing else."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.listing import Column, listing
from apps.projects.register import data_of, public_projects

COLUMNS = [
    Column("Project", "title"),
    Column("In plain words"),
    Column("Data"),
    Column("State"),
    Column("Last day", "ends_on"),
]


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Every project that was begun, running or over."""
    page = listing(public_projects(), request.GET, columns=COLUMNS, order="title")
    titles = data_of(page.rows)
    for row in page.rows:
        row.data = titles.get(row.pk, [])
        row.learned = row.closeout.learned if hasattr(row, "closeout") else ""
    return render(request, "projects/register.html", {"listing": page})
