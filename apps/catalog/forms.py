"""Shape and cleaning of what stewards type about datasets, and of how people search them."""

from typing import Any

from django import forms

from apps.alliance.forms import Line, ReasonForm
from apps.alliance.models import Center, Member
from apps.alliance.selectors import visible_centers
from apps.catalog import selectors, terms
from apps.catalog.duo import DS, GS, IS, MOR, TS
from apps.catalog.models import Dataset, DatasetVersion
from apps.catalog.paths import demand_inside
from apps.catalog.services.stewards import MOST
from apps.core.errors import Invalid

__all__ = [
    "AppointForm",
    "CatalogFilters",
    "DatasetForm",
    "NewDatasetForm",
    "PublishForm",
    "QuorumForm",
    "ReasonForm",
    "UploadForm",
    "VersionForm",
]

REGISTER_HELP = {
    "legal_basis": "Such as consent, or research in the public interest.",
    "data_subjects": "Whose data these are, such as adults treated for lung cancer.",
    "data_categories": "Such as diagnoses, images, genetic data.",
    "recipients": "Who may get to see them, such as approved projects of the member centers.",
    "transfers": "To which countries, on what ground; or none.",
    "retention": "How long they are kept.",
    "safeguards": "How they are protected, such as pseudonymised, used only inside the workspaces.",
}


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class DatasetForm(forms.Form):
    """What is said of a dataset; the lower half is the register of article 30 of the GDPR."""

    title = Line(max_length=200)
    modality = forms.ChoiceField(choices=Dataset.Modality.choices)
    description = forms.CharField(
        max_length=4000, widget=_area(5), help_text="What it holds, of whom, from when. Members search these words."
    )
    owner_basis = Line(max_length=500, label="Why it is yours to share", help_text="Shown on its page.")
    contact = forms.EmailField(max_length=254, help_text="Where questions go.")
    smallest_count = forms.IntegerField(
        min_value=1, max_value=1000, help_text="Counts of people below this are not shown to others."
    )
    legal_basis = Line(max_length=500, required=False)
    data_subjects = Line(max_length=500, required=False)
    data_categories = Line(max_length=500, required=False)
    recipients = Line(max_length=500, required=False)
    transfers = Line(max_length=500, required=False)
    retention = Line(max_length=500, required=False)
    safeguards = Line(max_length=500, required=False)

    def __init__(self, *args: Any, fixed: set[str] | None = None, **kwargs: Any) -> None:
        """`fixed` are the fields that can't change any more."""
        super().__init__(*args, **kwargs)
        for name, words in REGISTER_HELP.items():
            self.fields[name].help_text = words
        for name in fixed or ():
            del self.fields[name]


class NewDatasetForm(DatasetForm):
    """A dataset to bring into the catalog."""

    center = forms.ModelChoiceField(Center.objects.none(), to_field_name="slug", empty_label=None)
    slug = forms.SlugField(max_length=80, label="Name in addresses", help_text="Such as lung-ct-2026, for ever.")
    quorum = forms.IntegerField(
        min_value=1,
        max_value=MOST,
        initial=1,
        label="Stewards who must say yes",
        help_text="To each access request. You can raise it later; a manager who is no steward of it can lower it.",
    )
    field_order = ["center", "title", "slug"]

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        centers = selectors.centers_to_bring_to(member)
        self.fields["center"].queryset = centers  # type: ignore[attr-defined]
        if first := centers.first():
            self.initial.setdefault("smallest_count", first.smallest_count)
            self.initial.setdefault("contact", first.contact_email)

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()


class QuorumForm(forms.Form):
    """How many stewards must say yes from now on, and why that changes."""

    quorum = forms.IntegerField(min_value=1, max_value=MOST, label="Stewards who must say yes")
    reason = forms.CharField(
        max_length=500,
        widget=_area(2),
        label="Why",
        help_text="The stewards of the data read it, and it stays in the record.",
    )


class AppointForm(forms.Form):
    """Who becomes a steward of one dataset, and why."""

    member = forms.ModelChoiceField(Member.objects.none(), label="Who", empty_label="Choose one of your people")
    reason = forms.CharField(max_length=500, widget=_area(2), label="Why", help_text="Stays in the record.")

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["member"].queryset = selectors.people_to_appoint(dataset)  # type: ignore[attr-defined]


class VersionForm(forms.Form):
    """What a draft says of itself: licence, terms of use, citation."""

    licence = Line(max_length=120, help_text="An SPDX identifier such as CC-BY-4.0, or its name.")
    permission = forms.ChoiceField(widget=forms.RadioSelect, label="It may be used for")
    diseases = Line(
        max_length=500,
        required=False,
        help_text="For disease specific research: Mondo codes such as MONDO:0005061.",
    )
    modifiers = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="And only so")
    countries = Line(max_length=200, required=False, help_text="For a geographical restriction: codes such as US, DE.")
    institutions = Line(
        max_length=500, required=False, help_text="For an institution restriction: centers by short name."
    )
    until = forms.DateField(
        required=False, label="No publication before", widget=forms.DateInput(attrs={"type": "date"})
    )
    months = forms.IntegerField(required=False, min_value=1, max_value=1200, label="Time limit, in months")
    citation = forms.CharField(max_length=2000, required=False, widget=_area(3))
    format = Line(max_length=500, required=False)
    changes = forms.CharField(
        max_length=2000, required=False, widget=_area(3), help_text="What is new, for those who use the version before."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["permission"].choices = terms.permissions()  # type: ignore[attr-defined]
        self.fields["modifiers"].choices = terms.modifiers()  # type: ignore[attr-defined]

    @staticmethod
    def of(version: DatasetVersion | None) -> dict[str, Any]:
        """The form's initial values from a version."""
        if version is None:
            return {}
        told = {name: getattr(version, name) for name in ("licence", "citation", "format", "changes")}
        parts = {term["code"]: term for term in version.terms}
        chosen = dict(terms.permissions())
        ds = parts.get(DS, {})
        named = ds.get("diseases") or [ds["disease"]["id"]] if "disease" in ds or "diseases" in ds else []
        return told | {
            "permission": next((code for code in parts if code in chosen), ""),
            "modifiers": [code for code in parts if code not in chosen],
            "diseases": ", ".join(named),
            "countries": ", ".join(parts.get(GS, {}).get("countries", [])),
            "institutions": ", ".join(parts.get(IS, {}).get("institutions", [])),
            "until": parts.get(MOR, {}).get("until"),
            "months": parts.get(TS, {}).get("months"),
        }

    def facts(self) -> dict[str, Any]:
        """The fields of a version; only after is_valid()."""
        typed = self.cleaned_data
        told = {name: typed[name] for name in ("licence", "citation", "format", "changes")}
        return told | {"terms": [self._term(code) for code in (typed["permission"], *typed["modifiers"])]}

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        if "permission" in typed and "modifiers" in typed and not self.errors:
            try:
                terms.demand_terms(self.facts()["terms"])
            except Invalid as error:
                self.add_error("permission", str(error))
        return typed

    def _term(self, code: str) -> dict[str, Any]:
        typed = self.cleaned_data
        lists = {DS: "diseases", GS: "countries", IS: "institutions"}
        if code in lists and (words := _listed(typed[lists[code]])):
            return {"code": code, lists[code]: words}
        if code == MOR and typed["until"]:
            return {"code": code, "until": typed["until"].isoformat()}
        if code == TS and typed["months"]:
            return {"code": code, "months": typed["months"]}
        return {"code": code}


class ManyFiles(forms.ClearableFileInput):
    """One control that takes several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or many files."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        sent = data if isinstance(data, list | tuple) and data else [data or None]
        return [super(FilesField, self).clean(one, initial) for one in sent]


class UploadForm(forms.Form):
    """Files for a draft, and the manifest that says what they must be."""

    uploads = FilesField(label="Files", max_length=400)
    folder = Line(max_length=200, required=False, help_text="Where in the dataset they lie, such as scans/2026.")
    manifest = forms.FileField(
        required=False, help_text="A dataset.json whose hashes they must have. Without it they are taken as they come."
    )

    def clean_folder(self) -> str:
        folder = str(self.cleaned_data["folder"]).strip("/")
        if folder:
            try:
                demand_inside(folder)
            except Invalid as error:
                raise forms.ValidationError(str(error)) from error
        return folder


class PublishForm(forms.Form):
    """The last look before everybody sees it."""

    is_checked = forms.BooleanField(
        label="I have looked: no file holds names, addresses, record numbers or full dates of birth",
        help_text="What is published is never changed. It can only be withdrawn.",
    )


class CatalogFilters(forms.Form):
    """Narrow the catalog."""

    words = forms.CharField(required=False, max_length=100, label="Words")
    modality = forms.ChoiceField(required=False, choices=[("", "Any modality"), *Dataset.Modality.choices])
    center = forms.ModelChoiceField(
        Center.objects.none(), required=False, to_field_name="slug", empty_label="Any center"
    )
    term = forms.ChoiceField(required=False, label="Term of use")

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["center"].queryset = visible_centers(member).order_by("short_name")  # type: ignore[attr-defined]
        self.fields["term"].choices = [("", "Any term"), *terms.permissions(), *terms.modifiers()]  # type: ignore[attr-defined]

    def say_counts(self, facets: dict[str, dict[str, int]]) -> None:
        """Put the number of datasets behind each choice, and leave out what would find none and is not chosen."""
        for name, counts in facets.items():
            field, chosen = self.fields[name], str(self[name].value() or "")
            offered = [(str(getattr(value, "value", value)), label) for value, label in field.choices]  # type: ignore[attr-defined]
            field.widget.choices = [
                (value, f"{label} ({counts.get(value, 0):,})" if value else label)
                for value, label in offered
                if not value or value == chosen or value in counts
            ]


def _listed(typed: str) -> list[str]:
    return [part.strip() for part in typed.split(",") if part.strip()]
