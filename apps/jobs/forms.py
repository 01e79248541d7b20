"""What is typed about jobs."""

import shlex
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from apps.alliance.models import Center
from apps.core.errors import Invalid
from apps.jobs import limits
from apps.jobs.asked import Wish
from apps.jobs.bills import BY, MONTHS
from apps.jobs.books import Month
from apps.jobs.gateways import read
from apps.jobs.models import Job, Usage

HOUR, GB = 3600, limits.GB


class JobFilters(forms.Form):
    """Narrows the list of jobs."""

    status = forms.ChoiceField(label="State", required=False, choices=[("", "Any"), *Job.Status.choices])
    q = forms.CharField(label="Name", required=False, max_length=64)


class UsageFilters(forms.Form):
    """Which month of the books, put together by what, of which center."""

    month = forms.ChoiceField(label="Month", required=False)
    by = forms.ChoiceField(label="Put together by", required=False, choices=list(BY.items()))
    center = forms.ModelChoiceField(Center.objects.none(), label="Center", required=False, empty_label="All")

    def __init__(self, *args: Any, centers: QuerySet[Center], now: Month, **more: Any) -> None:
        super().__init__(*args, **more)
        months = [now.before(back) for back in range(MONTHS)]
        self.fields["month"].choices = [(str(one), one.words) for one in months]  # type: ignore[attr-defined]
        self.fields["center"].queryset = centers  # type: ignore[attr-defined]


class BudgetForm(forms.Form):
    """How much a center pays for in a month."""

    resource = forms.ChoiceField(label="Of what", choices=Usage.Resource.choices)
    hours = forms.IntegerField(
        label="Hours in each month", min_value=0, max_value=limits.MOST_HOURS, required=False,
        help_text="One processor, or one graphics processor, for one hour. Empty: no bound.",
    )  # fmt: skip
    reason = forms.CharField(label="Why", max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class ShareForm(forms.Form):
    """How much of the slots a center is entitled to beside the others."""

    weight = forms.FloatField(
        label="Share", min_value=limits.LEAST_SHARE, max_value=limits.MOST_SHARE,
        help_text="1 is the usual one; a center with 2 gets twice as much as one with 1 while both have jobs waiting.",
    )  # fmt: skip
    reason = forms.CharField(label="Why", max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class JobForm(forms.Form):
    """A job as a researcher hands it in; `data` are the datasets that they may use: (identifier, title)."""

    name = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,63}$", label="Name", max_length=64,
        help_text="Small letters, digits and hyphens; no name of a patient, a file or a finding.",
        error_messages={"invalid": "Use small letters, digits and hyphens, and begin with a letter or digit."},
    )  # fmt: skip
    code = forms.FileField(
        label="Code",
        help_text="One .py file, or a folder as .zip or .tar.gz, at most 20 MB. It is seen read-only under /code.",
    )
    command = forms.CharField(
        label="Command", max_length=2_000,
        help_text="As in a terminal inside /code, without pipes: python train.py --epochs 5",
    )  # fmt: skip
    datasets = forms.MultipleChoiceField(
        label="Datasets", widget=forms.CheckboxSelectMultiple, help_text="Each is read-only under /data."
    )
    cpus = forms.IntegerField(label="Processors", min_value=1, max_value=limits.MOST_CPUS, initial=1)
    memory = forms.FloatField(
        label="Memory, GB", min_value=limits.LEAST_MEMORY / GB, max_value=limits.MOST_MEMORY / GB, initial=2
    )
    hours = forms.FloatField(
        label="Time, hours", min_value=0.02, max_value=limits.LONGEST / HOUR, initial=1,
        help_text="Shortly before its end it is told (SIGTERM). What saves its work under CHECKPOINT_DIR and ends with "
        "the exit code 99 gets another turn and goes on.",
    )  # fmt: skip
    grace = forms.IntegerField(
        label="Seconds to save its work", min_value=1, max_value=limits.LONGEST_GRACE, initial=30, required=False
    )
    priority = forms.TypedChoiceField(label="Priority", choices=Job.Priority.choices, coerce=int, initial=1)
    seed = forms.IntegerField(
        label="Seed", min_value=0, max_value=2**32 - 1, initial=0, required=False,
        help_text="Given to the program as CAIA_SEED, and kept with its results.",
    )  # fmt: skip

    def __init__(self, *args: Any, data_choices: list[tuple[str, str]], has_code: bool = False, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["datasets"].choices = data_choices  # type: ignore[attr-defined]
        self.fields["code"].required = not has_code
        if has_code:
            self.fields["code"].help_text = "Leave it empty for the same code once more."

    def clean_command(self) -> tuple[str, ...]:
        """Its words, as a shell would part them."""
        try:
            return tuple(shlex.split(self.cleaned_data["command"]))
        except ValueError as error:
            raise ValidationError(f"This is no command: {error}.") from error

    def clean_code(self) -> Any:
        """The file; what is wrong with it is said before anything is kept."""
        given = self.cleaned_data["code"]
        if given is None:
            return None
        if given.size > limits.MOST_CODE:
            raise ValidationError(f"Code has at most {limits.MOST_CODE // limits.MB} MB.")
        content = given.read()
        try:
            read(given.name, content)
        except Invalid as error:
            raise ValidationError(str(error)) from error
        return given.name, content

    def wish(self) -> Wish:
        """What the job is to have."""
        typed = self.cleaned_data
        return Wish(
            name=typed["name"], command=typed["command"], cpus=typed["cpus"], memory=int(typed["memory"] * GB),
            seconds=int(typed["hours"] * HOUR), grace=typed["grace"] or 30, seed=typed["seed"] or 0,
            priority=typed["priority"],
        )  # fmt: skip

    def chosen(self) -> list[UUID]:
        """The datasets."""
        return [UUID(one) for one in self.cleaned_data["datasets"]]
