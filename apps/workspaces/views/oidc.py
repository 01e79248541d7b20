"""Signing in at the workspaces' Hub: the portal says who somebody is, to the Hub alone."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from oauth2_provider.views import AuthorizationView, JwksInfoView, TokenView, UserInfoView

from apps.alliance.requests import MemberRequest
from apps.audit.models import Outcome
from apps.core import error_pages
from apps.core.errors import NotAllowed
from apps.core.sightings import record_sighting
from apps.workspaces.events import HUB_ENTERED
from apps.workspaces.policies import may_enter_hub

ODD = "This sign-in was not begun by the workspaces' Hub as it should be. Open your workspace from its page again."


class _Authorization(AuthorizationView):
    """The Hub is ours, so nobody is asked for consent; what can't be sent back to it is a page."""

    def render_to_response(self, context: Any, **kwargs: Any) -> HttpResponse:
        return error_pages.answer(self.request, 400, ODD)


class _Token(TokenView):
    """No device flow."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.authorization_flow_token_response(request, *args, **kwargs)


@require_safe
def configuration(request: HttpRequest) -> HttpResponse:
    """What the Hub can ask for, and where."""
    _demand_set_up()
    addresses = {
        "authorization_endpoint": "authorize",
        "token_endpoint": "token",
        "userinfo_endpoint": "user-info",
        "jwks_uri": "jwks-info",
    }
    return JsonResponse(
        {
            "issuer": settings.OAUTH2_PROVIDER["OIDC_ISS_ENDPOINT"],
            **{name: settings.BASE_URL + reverse(f"oauth2_provider:{view}") for name, view in addresses.items()},
            "scopes_supported": ["openid"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["sub"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The public key by which the Hub checks what it is told."""
    _demand_set_up()
    answer: HttpResponse = JwksInfoView.as_view()(request)
    return answer


@require_safe
@login_required
def authorize(request: MemberRequest) -> HttpResponse:
    """Tell the Hub who this is, by a code that it exchanges; whoever has no workspace goes no further."""
    _demand_set_up()
    decision = may_enter_hub(request.user, request.user)
    if not decision:
        seen = {"by": request.user, "target": request.user}
        record_sighting(HUB_ENTERED, outcome=Outcome.REFUSED, reason=decision.reason, **seen)
        raise NotAllowed(decision.reason)
    with transaction.atomic():
        answer: HttpResponse = _Authorization.as_view()(request)
        if "code=" in answer.get("Location", "").partition("?")[2]:
            record_sighting(HUB_ENTERED, by=request.user, target=request.user)
    return answer


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Exchange a code for a token; asked by the Hub, with its secret."""
    _demand_set_up()
    answer: HttpResponse = _Token.as_view()(request)
    return answer


@require_safe
def userinfo(request: HttpRequest) -> HttpResponse:
    """Whose token this is, as long as they may enter; asked by the Hub."""
    _demand_set_up()
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        return JsonResponse({"error": "invalid_token"}, status=401)  # a token in an address would lie in logs
    answer: HttpResponse = UserInfoView.as_view()(request)
    answer["Content-Type"] = "application/json"  # also where it says no, with nothing in it
    return answer


def _demand_set_up() -> None:
    if not settings.HAS_WORKSPACES:
        raise Http404
