"""Commands on templates: draft a wording, edit it, publish it, retire it."""

from typing import Any

from django.utils import timezone

from apps.agreements import policies as may
from apps.agreements.models import AgreementTemplate, TemplateVersion
from apps.agreements.states import TEMPLATE_VERSION
from apps.agreements.texts import broken_blanks
from apps.alliance.models import Alliance
from apps.alliance.policies import may_run_alliance
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState


@command("agreements.template.drafted", policy=may_run_alliance, creates=AgreementTemplate)
def draft_template(alliance: Alliance, *, by: Any, name: str, purpose: str, text: str) -> AgreementTemplate:
    """Draft a new kind of agreement, with its first wording."""
    _demand_blanks(text)
    template = AgreementTemplate.objects.create(alliance=alliance, name=name, purpose=purpose)
    wording = TemplateVersion.objects.create(template=template, number=1, text=text)
    note(wording=str(wording.pk))
    return template


@command("agreements.wording.drafted", policy=may.may_draft_wording, creates=TemplateVersion)
def draft_wording(template: AgreementTemplate, *, by: Any, text: str) -> TemplateVersion:
    """Draft another wording of a template; those published before stay what they are."""
    _demand_blanks(text)
    latest = template.versions.order_by("-number").first()
    return TemplateVersion.objects.create(template=template, number=latest.number + 1 if latest else 1, text=text)


@command("agreements.wording.edited", policy=may.may_keep_wording)
def edit_wording(wording: TemplateVersion, *, by: Any, text: str) -> None:
    """Change a wording that is not published yet."""
    if wording.status != TemplateVersion.Status.DRAFT:
        raise WrongState(f"{wording} is published and stays as it is. Draft another version.")
    _demand_blanks(text)
    wording.text = text
    wording.save(update_fields=["text"])


@TEMPLATE_VERSION.move("publish")
def publish_wording(wording: TemplateVersion, *, by: Any) -> None:
    """Publish a wording: centers can use it from now on, and nobody can change it."""
    wording.published_at, wording.published_by = timezone.now(), by


@TEMPLATE_VERSION.move("retire")
def retire_wording(wording: TemplateVersion, *, by: Any, reason: str) -> None:
    """Offer a wording no more; agreements made with it stay."""


def _demand_blanks(text: str) -> None:
    if broken := broken_blanks(text):
        raise Invalid(fields={"text": f"{broken[0]} is no blank. Inside the braces stands one name in small letters."})
