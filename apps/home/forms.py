"""What one can ask of the record's page."""

from typing import Any

from django import forms

from apps.alliance.models import Center, Member
from apps.alliance.selectors import visible_centers
from apps.audit.models import Outcome
from apps.home.sentences import event_choices


class EventFilters(forms.Form):
    """Narrow the record by person, what happened, center, outcome and time."""

    person = forms.CharField(required=False, max_length=100, label="Person", help_text="")
    event = forms.ChoiceField(required=False, label="What happened")
    center = forms.ModelChoiceField(
        Center.objects.none(), required=False, to_field_name="slug", empty_label="Any center", label="Concerns"
    )
    outcome = forms.ChoiceField(required=False, choices=[("", "Any outcome"), *Outcome.choices])
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    about = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["center"].queryset = visible_centers(member).order_by("short_name")  # type: ignore[attr-defined]
        self.fields["event"].choices = [("", "Anything"), *event_choices()]  # type: ignore[attr-defined]
