"""Celery's doors into sign-in: the mail that holds a link, and the clearing of sessions that ended."""

from urllib.parse import quote

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from apps.alliance.models import Member
from apps.alliance.signin.sessions import forget_ended


@shared_task(name="alliance.mail_password_reset")
def mail_password_reset(pk: str) -> None:
    """Mail a link to set a new password. The link is made here, so that it lies in no table on its way."""
    member = Member.objects.filter(pk=pk, status=Member.Status.ACTIVE).first() if pk else None
    if member is None:
        return  # somebody asked for an address that no member has; the request cost the same
    key = f"{user_pk_to_url_str(member)}-{default_token_generator.make_token(member)}"
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "0" * 32, "key": "KEY"})
    link = f"{settings.BASE_URL}{path.replace('0' * 32 + '-KEY', quote(key))}"
    EmailMessage(
        subject="Set a new password for the CAIA portal",
        body=(
            f"Dear {member.name},\n\nsomebody, probably you, asked to set a new password for your account. This link "
            f"works once, for an hour:\n\n{link}\n\nYou will need your second factor as before. If you did not ask, do "
            "nothing; your password stays as it is.\n"
        ),
        to=[member.email],
    ).send()


@shared_task(name="alliance.forget_ended_sessions")
def forget_ended_sessions() -> None:
    """Keep the tables of sessions as small as what they are for."""
    forget_ended()
