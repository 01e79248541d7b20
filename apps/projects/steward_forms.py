"""Shape and cleaning of what stewards and auditors type."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog.models import Dataset
from apps.projects.models import AccessRequest

DAY = {"type": "date"}


class QueueFilters(forms.Form):
    """Narrow the queue."""

    words = forms.CharField(required=False, max_length=100, label="Project or dataset")
    state = forms.ChoiceField(required=False, label="State")
    who = forms.ChoiceField(
        required=False, label="Held by", choices=[("", "Anybody"), ("me", "Me"), ("nobody", "Nobody")]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = [choice for choice in AccessRequest.Status.choices if choice[0] in {"approved", "refused", "revoked"}]
        self.fields["state"].choices = [("", "Waiting"), *shown]  # type: ignore[attr-defined]


class ApproveForm(forms.Form):
    """Until when, and on what conditions; `edition` is the number of the one that was read."""

    edition = forms.IntegerField(widget=forms.HiddenInput)
    ends_on = forms.DateField(
        label="Last day of the approval",
        widget=forms.DateInput(attrs=DAY),
        help_text="At the latest the project's last day. You can revoke it before, at any time.",
    )
    conditions = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What the team has to keep, beside the data's own terms. The team reads it.",
    )


class StandInForm(forms.Form):
    """Who is away, who looks after what they took, and on which days."""

    away = forms.ModelChoiceField(Member.objects.none(), label="Who is away", empty_label="Choose the steward")
    stand_in = forms.ModelChoiceField(
        Member.objects.none(),
        label="Stand-in",
        empty_label="Choose another steward",
        help_text="Another steward of the same data. Nobody else can stand in.",
    )
    starts_on = forms.DateField(label="First day", widget=forms.DateInput(attrs=DAY))
    ends_on = forms.DateField(label="Last day", widget=forms.DateInput(attrs=DAY))
    reason = forms.CharField(
        required=False,
        max_length=500,
        label="Why",
        help_text="If you like, such as “on leave”. The other stewards and your managers read it.",
    )

    def __init__(self, *args: Any, people: Any, deputies: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["away"].queryset = people.order_by("name", "pk")  # type: ignore[attr-defined]
        self.fields["stand_in"].queryset = deputies.order_by("name", "pk")  # type: ignore[attr-defined]


class RemarkForm(forms.Form):
    """A question to the team, or an answer."""

    text = forms.CharField(
        max_length=4000,
        label="Your question",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The team and the other owners' stewards read it.",
    )


class ReplayForm(forms.Form):
    """Whose access to which data, and as of which moment."""

    person = forms.ModelChoiceField(Member.objects.none(), empty_label="Choose somebody of the team")
    dataset = forms.ModelChoiceField(Dataset.objects.none(), empty_label="Choose the data")
    at = forms.DateTimeField(
        label="Moment, in UTC",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: Any, people: Any, datasets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = people  # type: ignore[attr-defined]
        self.fields["dataset"].queryset = datasets  # type: ignore[attr-defined]

    def clean_at(self) -> datetime:
        at: datetime = self.cleaned_data["at"]
        if at > timezone.now():
            raise forms.ValidationError("Choose a moment that has passed; what will be, nobody has decided yet.")
        return at
