"""One small alliance in which every address has something to show and every role has somebody who holds it.

All that the addresses name belongs to one center, the sample center. A new address whose arguments are not here yet
fails with a sentence that leads to ARGUMENTS.
"""

import copy
import hashlib
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.http import SimpleCookie
from django.test import Client
from django.utils import timezone
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)
from requests.adapters import HTTPAdapter

from apps.alliance.invitations import link_for
from apps.alliance.models import Alliance, Center, Grant, Invitation, Member, TrainingRecord, TrainingType
from apps.alliance.roles import Role
from apps.alliance.signin.services import PROVIDER
from apps.alliance.signin.sessions import OPENED_AT, SEEN_AT
from apps.alliance.signin.vault import seal
from apps.audit.services import record
from apps.core.gateways import Objects
from tests.conftest import sign_in
from tests.factories import (
    ARRANGER,
    CenterFactory,
    InvitationFactory,
    MemberFactory,
    TrainingRecordFactory,
    TrainingTypeFactory,
    alliance,
    holder,
    proof,
)
from tests.house import samples_agreements, samples_jobs, samples_projects, samples_workspaces
from tests.house.samples_catalog import CATALOG_ARGUMENTS, CatalogSamples, make_catalog

HOUR = 3600
PASSWORD = "an unlikely pair of words"
ISSUER = "https://login.sample.example.org"

# Who asks, in the order of the tables' columns. All but the last four belong to the sample center.
ACTORS = {
    "anonymous": "nobody signed in",
    "owner": "the researcher whom the sample rows are about",
    "researcher": "a member of the same center without any role",
    "data_steward": "data steward of the center",
    "signing_official": "signing official of the center",
    "center_manager": "center manager of the center",
    "output_checker": "output checker of the center",
    "center_auditor": "auditor of the center",
    "alliance_auditor": "auditor of the alliance, from another center",
    "alliance_manager": "alliance manager, from another center",
    "other_manager": "center manager of another center",
    "suspended": "a suspended member of the center",
}


@dataclass
class World:
    """The sample alliance; `members` by the names of ACTORS, `cookies` of a session that each has open."""

    center: Center
    members: dict[str, Member]
    invitation: Invitation
    grant: Grant
    type: TrainingType
    submitted: TrainingRecord
    returned: TrainingRecord
    passkey: Authenticator
    session: UserSession
    event: uuid.UUID
    verified: uuid.UUID
    cookies: dict[str, SimpleCookie]
    catalog: CatalogSamples
    agreed: samples_agreements.Agreed
    projects: samples_projects.Projects
    workspaces: samples_workspaces.Workspaces
    jobs: samples_jobs.Jobs

    @property
    def owner(self) -> Member:
        return self.members["owner"]

    @property
    def alliance(self) -> Alliance:
        return self.center.alliance

    def fresh(self, who: str) -> Member:
        """The member as a new request would load them."""
        return Member.objects.select_related("center").get(pk=self.members[who].pk)

    def browser(self, who: str) -> Client:
        """A browser in which this actor is signed in."""
        client = Client(SERVER_NAME="localhost", raise_request_exception=False)
        if who in self.cookies:
            client.cookies = copy.deepcopy(self.cookies[who])
        return client


# What a verification found, as its event has it.
VERIFIED = {
    "start": 0,
    "entries": 7,
    "checkpoints": 2,
    "rows": 3,
    "holds": True,
    "first_bad": None,
    "wrong": [],
    "milliseconds": 9,
}
FROM_ELSEWHERE = {"alliance_auditor", "alliance_manager", "other_manager"}

# The arguments of each address that takes any, from the sample alliance.
ARGUMENTS: dict[str, Callable[[World], dict[str, Any]]] = {
    **CATALOG_ARGUMENTS,
    "alliance:role_end": lambda world: {"pk": world.grant.pk},
    "alliance:center_appoint": lambda world: {"slug": world.center.slug, "pk": world.owner.pk},
    "alliance:training_resubmit": lambda world: {"pk": world.returned.pk},
    "alliance:session_end": lambda world: {"pk": world.session.pk},
    "alliance:invitation_accept": lambda world: {"token": link_for(world.invitation).split("/")[-2]},
    "home:event": lambda world: {"pk": world.event},
    "home:event_bundle": lambda world: {"pk": world.event},
    "home:record_verified": lambda world: {"pk": world.verified},
    "account_reset_password_from_key": lambda world: {
        "uidb36": user_pk_to_url_str(world.owner),
        "key": default_token_generator.make_token(world.fresh("owner")),
    },
    **samples_agreements.ARGUMENTS,
    **samples_projects.ARGUMENTS,
    **samples_jobs.ARGUMENTS,
}
# Where an address is not named above, its beginning says what its arguments mean.
BY_BEGINNING: dict[str, Callable[[World], dict[str, Any]]] = {
    "people/<uuid:pk>/": lambda world: {"pk": world.owner.pk},
    "centers/<slug:slug>/": lambda world: {"slug": world.center.slug},
    "training/types/<uuid:pk>/": lambda world: {"pk": world.type.pk},
    "training/<uuid:pk>/": lambda world: {"pk": world.submitted.pk},
    "account/factors/passkeys/<int:pk>/": lambda world: {"pk": world.passkey.pk},
    "sign-in/center/<slug:provider_id>/": lambda world: {"provider_id": world.center.slug},
    **samples_agreements.BY_BEGINNING,
    **samples_projects.BY_BEGINNING,
    **samples_workspaces.BY_BEGINNING,
    **samples_jobs.BY_BEGINNING,
}


def make_world() -> World:
    """The sample alliance, in the database at hand."""
    Objects().ensure_bucket()
    center = CenterFactory(slug="sample", short_name="Sample", email_domains=["sample.example.org"])
    elsewhere = CenterFactory(slug="elsewhere", short_name="Elsewhere")
    of = dict.fromkeys(ACTORS, center) | dict.fromkeys(FROM_ELSEWHERE, elsewhere)
    members = {name: _member(name, of[name]) for name in ACTORS if name != "anonymous"}
    people = Member.objects.filter(pk__in=[member.pk for member in members.values()]).select_related("center")
    people.update(password=make_password(PASSWORD))
    cookies = {name: _signed_in(people.get(pk=member.pk)) for name, member in members.items()}
    kind = TrainingTypeFactory(name="Sample training", required_of_all=True)
    _provider(center)
    catalog = make_catalog(center, members["data_steward"])
    projects = samples_projects.make_projects(members["owner"], members["data_steward"], catalog.published)
    return World(
        center=center,
        members=members,
        invitation=InvitationFactory(member__center=center, member__email="new@sample.example.org"),
        grant=Grant.objects.get(user=members["data_steward"]),
        type=kind,
        submitted=TrainingRecordFactory(member=members["owner"], type=kind, **proof().as_fields()),
        returned=_returned(members["owner"], members["center_manager"]),
        passkey=_passkey(members["owner"]),
        session=_other_session(members["owner"]),
        event=record("test.arranged", actor=ARRANGER, target=members["owner"]),
        verified=record("audit.record.verified", actor=ARRANGER, target=center, **VERIFIED),
        cookies=cookies,
        catalog=catalog,
        projects=projects,
        workspaces=samples_workspaces.make_workspaces(members["owner"], projects, catalog.published),
        jobs=samples_jobs.make_jobs(members["owner"], projects, catalog.published),
        agreed=samples_agreements.make_agreed(center, members["signing_official"]),
    )


def _returned(owner: Member, manager: Member) -> TrainingRecord:
    return TrainingRecordFactory(
        member=owner,
        type=TrainingTypeFactory(name="Returned training"),
        status=TrainingRecord.Status.RETURNED,
        reason="No name on it.",
        decided_at=timezone.now(),
        decided_by=manager,
    )


def _member(name: str, center: Center) -> Member:
    facts = {"center": center, "email": f"{name}@{center.slug}.example.org", "name": name.replace("_", " ").title()}
    if name == "suspended":
        return MemberFactory(status=Member.Status.SUSPENDED, **facts)
    roles = {"center_auditor": Role.AUDITOR, "other_manager": Role.CENTER_MANAGER}
    if name in {"owner", "researcher"}:
        return MemberFactory(**facts)
    if name in {"alliance_auditor", "alliance_manager"}:
        return holder(Role.AUDITOR if name == "alliance_auditor" else Role.ALLIANCE_MANAGER, alliance(), **facts)
    return holder(roles.get(name, name), center, **facts)


def _passkey(member: Member) -> Authenticator:
    data = {"name": "Laptop", "credential": _credential()}
    return Authenticator.objects.create(user=member, type=Authenticator.Type.WEBAUTHN, data=data)


def _credential() -> dict[str, Any]:
    """What a browser sends when a passkey is made, with a key of its own."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    made = AttestedCredentialData.create(Aaguid.NONE, b"sample-passkey", key)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    shown = AuthenticatorData.create(hashlib.sha256(b"localhost").digest(), flags, 0, made)
    client = CollectedClientData.create("webauthn.create", b"challenge", "http://localhost:8000")
    name = websafe_encode(made.credential_id)
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", shown, {})),
        },
        "clientExtensionResults": {"credProps": {"rk": True}},
    }


def _provider(center: Center) -> None:
    SocialApp.objects.create(
        provider=PROVIDER,
        provider_id=center.slug,
        name=center.short_name,
        client_id="portal",
        settings={"server_url": ISSUER, "oauth_pkce_enabled": True, "sealed_secret": seal("none")},
    )


def _other_session(member: Member) -> UserSession:
    """A session of the member on another device."""
    _signed_in(member)
    return UserSession.objects.filter(user=member).latest("pk")


def _signed_in(member: Member) -> SimpleCookie:
    """The cookies of a session just opened, with a factor just shown; "just" lasts as long as the tests may take."""
    client = Client(SERVER_NAME="localhost")
    sign_in(client, member, proof_age=-HOUR)
    session = client.session
    session[OPENED_AT] = session[SEEN_AT] = int(time.time()) + HOUR
    session.save()
    UserSession.objects.create(user=member, ip="127.0.0.1", user_agent="", session_key=session.session_key)
    return client.cookies


def _provider_answers(adapter: HTTPAdapter, request: requests.PreparedRequest, **_: Any) -> requests.Response:
    """The far side: the provider's published configuration at every address."""
    names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
    answer = requests.Response()
    answer.status_code = 200
    answer.raw = io.BytesIO(json.dumps({"issuer": ISSUER, **{name: f"{ISSUER}/{name}" for name in names}}).encode())
    return answer


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The sample alliance for a whole module, in one transaction that is rolled back; `undone()` takes changes back."""
    with django_db_blocker.unblock():
        block = transaction.atomic()
        block._from_testcase = True  # commands may open their durable transaction inside
        block.__enter__()
        patch = pytest.MonkeyPatch()
        patch.setattr(HTTPAdapter, "send", _provider_answers)
        try:
            yield make_world()
        finally:
            patch.undo()
            transaction.set_rollback(True)
            block.__exit__(None, None, None)
            connection.close()


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside has not happened afterwards.

    A bare savepoint instead of an atomic block, which would stand in the way of the commands' durable transactions.
    """
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        connection.needs_rollback = False
        transaction.savepoint_rollback(savepoint)
