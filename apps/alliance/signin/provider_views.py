"""Leaving for a center's identity provider and coming back, and the page where a center connects it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import requests
from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.alliance.models import Center
from apps.alliance.requests import MemberRequest
from apps.alliance.selectors import visible_centers
from apps.alliance.signin.forms import IdentityProviderForm
from apps.alliance.signin.gateways import IdentityProvider
from apps.alliance.signin.identity import CenterOpenID, providers
from apps.alliance.signin.services import PROVIDER, connect_identity_provider, disconnect_identity_provider
from apps.core.commands import demand
from apps.core.errors import Unavailable
from apps.core.views import form_page, typed_in

View = Callable[..., HttpResponse]


def _patient(view: View) -> View:
    """A provider that is down or answers nonsense is not our failure: say so, with a way out."""

    @wraps(view)
    def run(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view(request, provider_id)
        except (requests.RequestException, KeyError) as error:
            raise Unavailable(
                "Your center's sign-in service does not answer as it should. Try again in a minute, or sign in with "
                "your e-mail address and password."
            ) from error

    return run


@require_POST
@never_cache
@_patient
def provider_leave(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the person to their center's provider, by a page that leads on at once.

    A redirect in answer to a form would break our own rule that forms go nowhere else (form-action 'self').
    """
    found = {center.slug: center for center, _ in providers()}
    center = found.get(provider_id)
    if center is None:
        raise Http404
    limited = ratelimit.consume_or_429(request, action="login")
    if limited:
        return limited
    provider = get_adapter(request).get_provider(request, provider_id)
    response = provider.redirect(request, process="login", next_url=get_next_redirect_url(request))
    if response.status_code != 302:
        return response
    return render(request, "socialaccount/leave.html", {"center": center, "url": response["Location"]})


@require_safe
@never_cache
@_patient
def provider_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The person comes back from the provider."""
    try:
        return OAuth2CallbackView.adapter_view(CenterOpenID(request, provider_id))(request)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def identity_provider(request: MemberRequest, slug: str) -> HttpResponse:
    """Connect the center's provider, or change how it is connected."""
    center = _managed(request, slug)
    app = SocialApp.objects.filter(provider=PROVIDER, provider_id=center.slug).first()
    start = {"issuer": app.settings["server_url"], "client_id": app.client_id} if app else None

    def connect(given: dict[str, Any]) -> None:
        IdentityProvider(given["issuer"]).check()
        connect_identity_provider(center, by=request.user, **given)

    return form_page(
        request,
        IdentityProviderForm(typed_in(request), initial=start),
        connect,
        template="alliance/identity_provider.html",
        then=reverse("alliance:center", args=[center.slug]),
        said=f"{center}'s people can now sign in through your center.",
        center=center,
        app=app,
        back_url=request.build_absolute_uri(reverse("openid_connect_callback", args=[center.slug])),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def identity_provider_end(request: MemberRequest, slug: str) -> HttpResponse:
    """End signing in through the center's provider."""
    center = _managed(request, slug)
    return form_page(
        request,
        forms.Form(typed_in(request)),
        lambda given: disconnect_identity_provider(center, by=request.user),
        template="alliance/identity_provider_end.html",
        then=reverse("alliance:identity_provider", args=[center.slug]),
        said="The identity provider is disconnected. Passwords and passkeys work as before.",
        center=center,
    )


def _managed(request: MemberRequest, slug: str) -> Center:
    """The center, for its managers who proved who they are lately: what they type here holds a secret."""
    center = get_object_or_404(visible_centers(request.user), slug=slug)
    demand("alliance.identity_provider.connected", by=request.user, target=center, fresh=True)
    return center
