"""Shape and cleaning of what people type about projects; a proposal is written section by section."""

import re
from typing import Any, ClassVar

from django import forms

from apps.alliance.forms import Line, ReasonForm
from apps.alliance.models import Member
from apps.catalog.duo import Research
from apps.catalog.models import Dataset
from apps.catalog.ontology import concepts, diseases
from apps.catalog.selectors import visible_datasets
from apps.projects import selectors
from apps.projects.models import AccessRequest, Project, Remark, Written
from apps.projects.purposes import CLAIMS
from apps.projects.questions import QUESTIONS

__all__ = ["SECTIONS", "AskForm", "ProjectFilters", "ProposeForm", "ReasonForm", "RemarkForm", "Section", "TeamForm"]
YES_NO = [("yes", "Yes"), ("no", "No")]
DISEASE = re.compile(r"MONDO:\d{7}")
COUNTRY = re.compile(r"[A-Z]{2}")


def _area(rows: int, most: int, **more: Any) -> forms.CharField:
    return forms.CharField(max_length=most, required=False, widget=forms.Textarea(attrs={"rows": rows}), **more)


def _yes_no(words: str) -> forms.ChoiceField:
    return forms.ChoiceField(choices=YES_NO, required=False, widget=forms.RadioSelect, label=words)


class Section(forms.Form):
    """A part of the proposal that is saved by itself; its fields are the project's, unless it says otherwise."""

    key: ClassVar[str]
    title_words: ClassVar[str]
    lead: ClassVar[str] = ""
    spare: ClassVar[frozenset[str]] = frozenset()  # what a complete proposal may lack

    @property
    def told(self) -> list[tuple[forms.BoundField, bool]]:
        """Each field, and whether it must be there before the proposal is sent; to be kept, nothing must."""
        return [(self[name], name not in self.spare) for name in self.fields]

    @classmethod
    def told_by(cls, project: Written) -> dict[str, Any]:
        """The form's initial values."""
        return {name: getattr(project, name) for name in cls.base_fields}

    def parts(self) -> dict[str, Any]:
        """What `write` takes; only after is_valid()."""
        return dict(self.cleaned_data)


class SummarySection(Section):
    """What it is, for everybody."""

    key = "summary"
    title_words = "In short"
    lead = "Anybody can read this once the project runs."
    title = Line(max_length=200)
    lay_summary = _area(5, 3000, label="Summary for the public", help_text="What you want to find out, in plain words.")
    public_benefit = _area(4, 3000, label="Benefit for the public")


class PurposeSection(Section):
    """What the terms of the data are checked against."""

    key = "purpose"
    title_words = "Purpose"
    spare = frozenset({"diseases", "studies", "countries"})
    lead = "A machine checks these answers against the terms of each dataset, and shows the owner the result."
    kind = forms.ChoiceField(
        choices=[(kind.value, kind.words[:1].upper() + kind.words[1:]) for kind in Research],
        required=False,
        widget=forms.RadioSelect,
        label="Kind of research",
    )
    diseases = _area(2, 3000, help_text="For research on certain diseases: one a line, by its name or code in Mondo.")
    studies = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="More exactly")
    countries = Line(
        max_length=300, required=False, label="Countries in which it is done", help_text="Codes such as US, DE."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [one for code, one in concepts().items() if re.fullmatch(r"DUO:00000(3[1-9]|40)", code)]
        chosen: Any = self.fields["studies"]
        chosen.choices = [(one.code, one.label[:1].upper() + one.label[1:]) for one in kinds]
        for name, words in CLAIMS.items():
            self.fields[name] = _yes_no(words)

    @classmethod
    def told_by(cls, project: Written) -> dict[str, Any]:
        said = project.purpose
        named = [diseases()[code].label if code in diseases() else code for code in said.get("diseases", [])]
        return {
            "kind": said.get("kind", ""),
            "diseases": "\r\n".join(named),
            "studies": said.get("studies", []),
            "countries": ", ".join(said.get("countries", [])),
        } | {name: "yes" if said[name] else "no" for name in CLAIMS if name in said}

    def clean_diseases(self) -> list[str]:
        by_name = {one.label.lower(): code for code, one in diseases().items()}
        codes = []
        for line in self.cleaned_data["diseases"].splitlines():
            if not (typed := line.strip()):
                continue
            code = typed.upper() if DISEASE.fullmatch(typed.upper()) else by_name.get(typed.lower())
            if code is None:
                raise forms.ValidationError(f"“{typed[:60]}” is no name or code of a tumor in Mondo. Look it up there.")
            codes.append(code)
        return list(dict.fromkeys(codes))

    def clean_countries(self) -> list[str]:
        codes = [part.strip().upper() for part in self.cleaned_data["countries"].split(",") if part.strip()]
        if wrong := next((code for code in codes if not COUNTRY.fullmatch(code)), ""):
            raise forms.ValidationError(f"“{wrong}” is no country code. Use two letters, such as US.")
        return list(dict.fromkeys(codes))

    def parts(self) -> dict[str, Any]:
        typed = self.cleaned_data
        claims = {name: typed[name] == "yes" for name in CLAIMS if typed[name]}
        lists = {name: typed[name] for name in ("diseases", "studies", "countries")}
        return {"purpose": {"kind": typed["kind"], **lists, **claims}}


class MethodsSection(Section):
    """How, and what comes out."""

    key = "methods"
    title_words = "Methods and outputs"
    methods = _area(7, 10_000, help_text="How you will answer the question with this data.")
    outputs = _area(3, 3000, label="Outputs that shall leave", help_text="Tables, figures, models; each is checked.")


class EthicsSection(Section):
    """The approval of an ethics committee."""

    key = "ethics"
    title_words = "Ethics approval"
    ethics_reference = Line(max_length=200, required=False, label="Its reference", help_text="With the committee.")
    ethics_until = forms.DateField(
        required=False, label="Valid until", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class RisksSection(Section):
    """Risks to the people behind the data, question by question."""

    key = "risks"
    title_words = "Risks to the people behind the data"
    spare = frozenset(f"{question.key}_words" for question in QUESTIONS)
    lead = "Where an answer raises a risk, say in a few words what you do about it."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in QUESTIONS:
            self.fields[question.key] = _yes_no(question.words)
            words = _area(2, 2000, label=f"A few words, if {question.asks_more}", help_text=f"On “{question.words}”")
            words.widget.attrs |= {"data-if": question.asks_more, "placeholder": " "}  # shown once they are asked for
            self.fields[f"{question.key}_words"] = words

    @classmethod
    def told_by(cls, project: Written) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for key, answer in project.risks.items():
            told |= {key: answer["answer"], f"{key}_words": answer["words"]}
        return told

    def parts(self) -> dict[str, Any]:
        typed = self.cleaned_data
        answers = {one.key: {"answer": typed[one.key], "words": typed[f"{one.key}_words"]} for one in QUESTIONS}
        return {"risks": answers}


class FrameSection(Section):
    """Until when, with how much computing."""

    key = "frame"
    title_words = "Time and computing"
    spare = frozenset({"gpu_hours"})
    ends_on = forms.DateField(
        required=False, label="Last day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    gpu_hours = forms.IntegerField(
        required=False, min_value=0, max_value=1_000_000, label="GPU hours", help_text="0 where none are needed."
    )

    def parts(self) -> dict[str, Any]:
        return self.cleaned_data | {"gpu_hours": self.cleaned_data["gpu_hours"] or 0}


SECTIONS: tuple[type[Section], ...] = (
    SummarySection, PurposeSection, MethodsSection, EthicsSection, RisksSection, FrameSection,
)  # fmt: skip


class ProposeForm(forms.Form):
    """How a proposal begins."""

    title = Line(max_length=200, help_text="What you want to find out, in a few words. You can change it later.")


class WhyForm(forms.Form):
    """Why the project needs a dataset."""

    reason = forms.CharField(
        max_length=2000, label="Why the project needs it", widget=forms.Textarea(attrs={"rows": 3})
    )


class AskForm(WhyForm):
    """A dataset that the project needs, and why."""

    dataset = forms.ModelChoiceField(Dataset.objects.none(), to_field_name="slug")

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["dataset"]
        chosen.queryset = visible_datasets(member)


class TeamForm(forms.Form):
    """Whom to put on the team."""

    member = forms.ModelChoiceField(Member.objects.none(), widget=forms.HiddenInput)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["member"]
        chosen.queryset = selectors.people_to_add(project)


class RemarkForm(forms.Form):
    """A question or an answer."""

    text = forms.CharField(max_length=4000, label="Your words", widget=forms.Textarea(attrs={"rows": 3}))
    request = forms.ModelChoiceField(
        AccessRequest.objects.none(), required=False, label="About", empty_label="The whole proposal"
    )
    answers = forms.ModelChoiceField(Remark.objects.none(), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        about: Any = self.fields["request"]
        unasked = [AccessRequest.Status.DRAFT, AccessRequest.Status.DROPPED]
        about.queryset = project.requests.exclude(status__in=unasked).select_related("version__dataset", "project")
        about.label_from_instance = lambda one: str(one.version.dataset)
        answered: Any = self.fields["answers"]
        answered.queryset = project.remarks.all()


class ProjectFilters(forms.Form):
    """Narrow the list of projects."""

    words = forms.CharField(required=False, max_length=100, label="Words")
    status = forms.ChoiceField(required=False, choices=[("", "Any state"), *Project.Status.choices], label="State")
    whose = forms.ChoiceField(required=False, choices=[("", "All that I see"), ("mine", "My own")], label="Whose")
