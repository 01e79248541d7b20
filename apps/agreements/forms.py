"""Shape and cleaning of what people type about agreements and templates."""

from typing import Any

from django import forms

from apps.agreements.models import AgreementVersion, TemplateVersion
from apps.agreements.selectors import offered_datasets, partners_of
from apps.agreements.texts import blanks_of
from apps.alliance.forms import Line
from apps.alliance.models import Center

DAY = {"type": "date"}
BLANK = "blank_"


class DraftForm(forms.Form):
    """The words of an agreement: one field for each blank of its template, besides dates, data and conditions."""

    title = Line(max_length=200, help_text="What it is about, as both centers will find it.")
    starts_on = forms.DateField(label="First day", widget=forms.DateInput(attrs=DAY))
    ends_on = forms.DateField(label="Last day", widget=forms.DateInput(attrs=DAY))
    datasets = forms.ModelMultipleChoiceField(
        TemplateVersion.objects.none(),
        required=False,
        label="Data in scope",
        widget=forms.CheckboxSelectMultiple,
        help_text="Your center's data with a published version.",
    )
    conditions = forms.CharField(
        required=False,
        max_length=4000,
        label="Conditions of use",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line, besides the words of the template and the terms of each dataset.",
    )

    def __init__(self, *args: Any, wording: TemplateVersion, center: Center, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["datasets"].queryset = offered_datasets(center)  # type: ignore[attr-defined]
        for name in blanks_of(wording.text):
            self.fields[BLANK + name] = forms.CharField(
                required=False,
                max_length=2000,
                label=name.replace("_", " ").capitalize(),
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        values = {name.removeprefix(BLANK): typed.pop(name) for name in list(typed) if name.startswith(BLANK)}
        return {**typed, "values": values, "datasets": list(typed.get("datasets") or [])}

    @staticmethod
    def initial_of(version: AgreementVersion) -> dict[str, Any]:
        """What the form shows of a draft that is there."""
        return {
            "title": version.agreement.title,
            "starts_on": version.starts_on,
            "ends_on": version.ends_on,
            "conditions": version.conditions,
            "datasets": [one.pk for one in version.datasets.all()],
            **{BLANK + name: value for name, value in version.values.items()},
        }


class NewAgreementForm(DraftForm):
    """The same with the other center."""

    receiving = forms.ModelChoiceField(Center.objects.none(), label="With which center", empty_label="Choose a center")
    field_order = ["title", "receiving"]

    def __init__(self, *args: Any, center: Center, **kwargs: Any) -> None:
        super().__init__(*args, center=center, **kwargs)
        self.fields["receiving"].queryset = partners_of(center)  # type: ignore[attr-defined]


class DiscardForm(forms.Form):
    """Why a draft is given up, if there is something to say."""

    reason = forms.CharField(required=False, max_length=500, label="Why", widget=forms.Textarea(attrs={"rows": 2}))


class SignForm(forms.Form):
    """That the text was read, and which text that was."""

    text_sha256 = forms.CharField(max_length=64, widget=forms.HiddenInput)
    read = forms.BooleanField(label="I have read it to the end, and I sign it for my center.")
    statement = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What you want to say with your signature; it stands beside it.",
    )


class TermsForm(forms.Form):
    """That the terms were read, and which terms those were."""

    text_sha256 = forms.CharField(max_length=64, widget=forms.HiddenInput)
    read = forms.BooleanField(label="I have read these terms and will keep to them.")


class WordingForm(forms.Form):
    """A wording of a template."""

    text = forms.CharField(
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 24}),
        help_text="Markdown: # headings, lists, **bold**. A blank is a name in double braces. The portal fills "
        "provider, recipient, reference, starts_on and ends_on itself, and adds parties, dates, data and conditions.",
    )


class TemplateForm(WordingForm):
    """A new kind of agreement."""

    name = Line(max_length=120)
    purpose = Line(max_length=500, help_text="When a center should take this one.")
    field_order = ["name", "purpose"]


class AgreementFilters(forms.Form):
    """Narrow the list of agreements."""

    words = forms.CharField(required=False, max_length=100, label="Title or number")
    status = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *AgreementVersion.Status.choices], label="State"
    )
    center = forms.ModelChoiceField(
        Center.objects.order_by("short_name"), required=False, to_field_name="slug", empty_label="Any center"
    )
