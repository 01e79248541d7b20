"""The signed link of an invitation."""

from django.core import signing
from django.core.exceptions import ValidationError
from django.urls import reverse

from apps.alliance.models import Invitation

SALT = "alliance.invitation"


def link_for(invitation: Invitation) -> str:
    """The path that opens this invitation; whoever holds it may accept."""
    token = signing.dumps(str(invitation.pk), salt=SALT)
    return reverse("alliance:invitation_accept", args=[token])


def invitation_from(token: str) -> Invitation | None:
    """The invitation behind a link, open or not; None for a forged or foreign token."""
    try:
        pk = signing.loads(token, salt=SALT)
        return Invitation.objects.select_related("member__center", "invited_by__center").filter(pk=pk).first()
    except (signing.BadSignature, ValidationError, ValueError):
        return None
