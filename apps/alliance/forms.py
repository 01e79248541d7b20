"""Shape and cleaning of what people type about centers, members, roles and training."""

import re
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from apps.alliance.models import Center, Member, TrainingType
from apps.alliance.roles import ON_ALLIANCE, ON_CENTER, Role
from apps.alliance.selectors import visible_centers

DOMAIN = re.compile(r"^(?=.{4,120}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$")
JOINERS = dict.fromkeys((0x200C, 0x200D))  # invisible, and part of names in some scripts
ROR = re.compile(r"^0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}$")


class Line(forms.CharField):
    """A name or another single line, as it will stand in mails and lists: nothing in it hides or turns direction."""

    def to_python(self, value: Any) -> str:
        return " ".join(str(super().to_python(value) or "").split())

    def validate(self, value: str) -> None:
        super().validate(value)
        if not value.translate(JOINERS).isprintable():
            raise forms.ValidationError("This holds characters that can't be seen. Type it instead of pasting it.")


class ReasonForm(forms.Form):
    """A reason that the person concerned will read."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="In a sentence; it goes to the person and stays in the record.",
    )


class CenterForm(forms.Form):
    """What a center says of itself."""

    legal_name = Line(max_length=200)
    ror_id = forms.CharField(
        max_length=32, required=False, label="ROR id", help_text="Nine characters, such as 007ps6h72; see ror.org."
    )
    email_domains = forms.CharField(
        max_length=500,
        label="E-mail domains",
        help_text="Separated by commas. Only people with such an address can be invited.",
    )
    contact_name = Line(max_length=120)
    contact_email = forms.EmailField(max_length=254, label="Contact e-mail")
    smallest_count = forms.IntegerField(
        min_value=1, max_value=1000, initial=10, help_text="Counts of people below this are not shown to others."
    )

    def clean_ror_id(self) -> str:
        ror_id = str(self.cleaned_data["ror_id"]).lower().removeprefix("https://ror.org/")
        if ror_id and not ROR.match(ror_id):
            raise forms.ValidationError("A ROR id has nine characters and begins with 0, such as 007ps6h72.")
        return ror_id

    def clean_email_domains(self) -> list[str]:
        domains = [
            part.strip().lower().lstrip("@") for part in self.cleaned_data["email_domains"].split(",") if part.strip()
        ]
        for domain in domains:
            if not DOMAIN.match(domain):
                raise forms.ValidationError(f"“{domain}” is not a domain such as example.org.")
        return list(dict.fromkeys(domains))


class CenterApplicationForm(CenterForm):
    """A center that asks to join."""

    short_name = Line(max_length=40, help_text="How everybody calls it, such as MSK.")
    field_order = ["short_name"]


class InvitationForm(forms.Form):
    """Whom to invite."""

    name = Line(max_length=120, label="Full name")
    email = forms.EmailField(max_length=254, label="Work e-mail")
    position = Line(max_length=120, required=False, help_text="Such as statistician or pathologist.")


class RoleForm(forms.Form):
    """Which role, why, until when."""

    role = forms.ChoiceField(widget=forms.RadioSelect)
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 2}), help_text="Stays in the record.")
    ends_on = forms.DateField(
        required=False,
        label="Until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The role ends by itself after this day. Leave it empty for no end.",
    )
    roles: tuple[Role, ...] = ON_CENTER

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role.value, f"{role.words}: {role.meaning}") for role in self.roles]  # type: ignore[attr-defined]

    def clean_ends_on(self) -> datetime | None:
        day = self.cleaned_data["ends_on"]
        if day is None:
            return None
        if day < timezone.now().date():
            raise forms.ValidationError("The end must lie in the future.")
        return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


class AllianceRoleForm(RoleForm):
    """One of the alliance's own roles, for a member named by e-mail."""

    email = forms.EmailField(label="Member's e-mail")
    roles = ON_ALLIANCE
    field_order = ["email"]

    def clean_email(self) -> Member:
        member = Member.objects.select_related("center").filter(email__iexact=self.cleaned_data["email"]).first()
        if member is None:
            raise forms.ValidationError("No member has this address. Their center invites them first.")
        return member


class PeopleFilters(forms.Form):
    """Narrow the list of people."""

    words = forms.CharField(required=False, max_length=100, label="Name or e-mail")
    status = forms.ChoiceField(required=False, choices=[("", "Any state"), *Member.Status.choices], label="State")
    center = forms.ModelChoiceField(
        Center.objects.none(), required=False, to_field_name="slug", empty_label="Any center"
    )

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["center"].queryset = visible_centers(member).order_by("short_name")  # type: ignore[attr-defined]


class TrainingTypeForm(forms.Form):
    """A training to publish."""

    name = Line(max_length=120)
    description = forms.CharField(
        max_length=5000, widget=forms.Textarea(attrs={"rows": 5}), help_text="What it teaches and where to take it."
    )
    lifetime_days = forms.IntegerField(min_value=1, max_value=3660, initial=365, label="Valid for, in days")
    required_of_all = forms.BooleanField(required=False, label="Everybody needs it")
    required_for = forms.MultipleChoiceField(
        required=False,
        choices=[(role.value, role.words) for role in Role],
        widget=forms.CheckboxSelectMultiple,
        label="Needed for the roles",
    )


class TrainingProofForm(forms.Form):
    """Proof that a training was taken."""

    completed_on = forms.DateField(label="Completed on", widget=forms.DateInput(attrs={"type": "date"}))
    evidence = forms.FileField(
        label="Certificate",
        help_text="PDF, PNG or JPEG, at most 10 MB. Only you and your center's managers can open it.",
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg"}),
    )


class TrainingFilters(forms.Form):
    """Narrow the list of proofs."""

    status = forms.ChoiceField(
        required=False,
        label="State",
        choices=[
            ("", "Any state"),
            ("submitted", "Submitted"),
            ("returned", "Returned"),
            ("accepted", "Accepted"),
            ("lapsed", "Lapsed"),
        ],
    )
    type = forms.ModelChoiceField(
        TrainingType.objects.order_by("name"), required=False, empty_label="Any training", label="Training"
    )
