"""What one can ask of the record's page."""

from datetime import UTC, datetime, time

from django import forms

from apps.alliance.models import Center, Member
from apps.alliance.selectors import visible_centers
from apps.audit.models import Outcome


class EventFilters(forms.Form):
    """Narrow the record by outcome, event, center and time."""

    outcome = forms.ChoiceField(required=False, choices=[("", "Any outcome"), *Outcome.choices])
    event = forms.CharField(
        required=False,
        max_length=100,
        label="Event begins with",
        widget=forms.TextInput(attrs={"placeholder": "alliance.training"}),
    )
    center = forms.ModelChoiceField(
        Center.objects.none(), required=False, to_field_name="slug", empty_label="Any center"
    )
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean_since(self) -> datetime | None:
        """The first moment of that day."""
        day = self.cleaned_data["since"]
        return datetime.combine(day, time.min, tzinfo=UTC) if day else None

    def clean_until(self) -> datetime | None:
        """The last moment of that day."""
        day = self.cleaned_data["until"]
        return datetime.combine(day, time.max, tzinfo=UTC) if day else None

    def __init__(self, *args: object, member: Member, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["center"].queryset = visible_centers(member).order_by("short_name")  # type: ignore[attr-defined]
