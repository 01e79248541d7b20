"""Shape and cleaning of what is typed when a project ends or gets another lead."""

from typing import Any

from django import forms

from apps.alliance.forms import ReasonForm
from apps.alliance.models import Member
from apps.projects.closing import Point
from apps.projects.models import Project


class HandOverForm(ReasonForm):
    """Who leads from now on, and why."""

    to = forms.ModelChoiceField(Member.objects.none(), label="Who leads it from now on", empty_label="Choose somebody")
    field_order = ("to", "reason")

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on_team = project.team.filter(until=None).exclude(member=project.lead_id).values("member")
        able = Member.objects.filter(pk__in=on_team, center=project.center_id, status=Member.Status.ACTIVE)
        chosen: Any = self.fields["to"]
        chosen.queryset = able.order_by("name")


class CloseOutForm(forms.Form):
    """What the lead confirms point by point, and what was learned."""

    confirmed = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Each of these is so")
    publications = forms.CharField(
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line, each with its DOI. Leave it empty if there is none.",
    )
    learned = forms.CharField(
        max_length=3000,
        label="What was learned",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="In plain words, for the public register. Anybody can read it.",
    )
    reason = forms.CharField(
        max_length=500, required=False, label="Anything the team should know", widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, points: list[Point], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        confirmed: Any = self.fields["confirmed"]
        confirmed.choices = [(point.key, point.words) for point in points]
