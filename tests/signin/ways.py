"""Ways in, as a browser without pages walks them."""

import time

from allauth.mfa.models import Authenticator
from django.http import HttpResponse
from django.test import Client

from apps.alliance.models import Member
from apps.alliance.signin.factors import code_at
from apps.alliance.signin.vault import seal
from apps.audit.models import Event
from tests.factories import MemberFactory, arranged

PASSWORD = "correct horse battery staple"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def person(*, app: bool = True, **facts: object) -> Member:
    """A member with the password above and, unless `app` is False, an authenticator app with the secret above."""
    with arranged():
        member = MemberFactory(**facts)
        member.set_password(PASSWORD)
        member.save()
    if app:
        give_app(member)
    return member


def give_app(member: Member, secret: str = SECRET) -> Authenticator:
    return Authenticator.objects.create(user=member, type=Authenticator.Type.TOTP, data={"secret": seal(secret)})


def code(secret: str = SECRET, *, steps_away: int = 0) -> str:
    """What the app shows now, or some steps of 30 seconds earlier or later."""
    return code_at(secret, int(time.time()) // 30 + steps_away)


def forget_codes(member: Member) -> None:
    """As if no code had been used, so that a test needs not wait for the next."""
    for row in Authenticator.objects.filter(user=member, type=Authenticator.Type.TOTP):
        row.data.pop("last_step", None)
        row.save()


def give_password(client: Client, email: str, password: str = PASSWORD, **more: object) -> HttpResponse:
    extra = {key: more.pop(key) for key in list(more) if key.isupper()}
    return client.post("/sign-in/", {"login": email, "password": password, **more}, **extra)


def sign_in(client: Client, member: Member) -> None:
    """All the way: password, then the code of the app."""
    give_password(client, member.email)
    forget_codes(member)
    response = client.post("/sign-in/second-factor/", {"code": code()})
    assert response.status_code == 302, response.content


def is_signed_in(client: Client) -> bool:
    return client.get("/account/sessions/").status_code == 200


def seen(event: str) -> list[Event]:
    return list(Event.objects.filter(event=event).order_by("id"))
