"""The portal as an OpenID Connect provider for one client, the workspaces' Hub: authorization code with PKCE alone.

No refresh tokens, no other grant, no `plain` challenge. The one thing that a token is good for is the question who it
was given to, and each time it is asked, the portal looks anew whether they may still enter.
"""

from typing import Any

from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749.endpoints import AuthorizationEndpoint, ResourceEndpoint, TokenEndpoint
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import code_challenge_method_s256
from oauthlib.oauth2.rfc6749.tokens import BearerToken
from oauthlib.openid.connect.core.endpoints.userinfo import UserInfoEndpoint
from oauthlib.openid.connect.core.grant_types import AuthorizationCodeGrant

from apps.alliance.models import Member
from apps.workspaces.models import hub_name_of
from apps.workspaces.policies import may_enter_hub


class CodeOnly(AuthorizationEndpoint, TokenEndpoint, ResourceEndpoint, UserInfoEndpoint):
    """oauthlib's server with one grant."""

    def __init__(
        self,
        request_validator: Any,
        token_expires_in: Any = None,
        token_generator: Any = None,
        refresh_token_generator: Any = None,
        *_: Any,
        **__: Any,
    ) -> None:
        grant = AuthorizationCodeGrant(request_validator, refresh_token=False)
        grant.proxy_target._code_challenge_methods = {"S256": code_challenge_method_s256}
        bearer = BearerToken(request_validator, token_generator, token_expires_in, refresh_token_generator)
        AuthorizationEndpoint.__init__(
            self, default_response_type="code", response_types={"code": grant}, default_token_type=bearer
        )
        TokenEndpoint.__init__(
            self,
            default_grant_type="authorization_code",
            grant_types={"authorization_code": grant},
            default_token_type=bearer,
        )
        ResourceEndpoint.__init__(self, default_token="Bearer", token_types={"Bearer": bearer})  # noqa: S106
        UserInfoEndpoint.__init__(self, request_validator)


class HubValidator(OAuth2Validator):
    """Whom the Hub is told of, and what it is told: a name that tells nothing."""

    oidc_claim_scope = None

    def get_claim_dict(self, request: Any) -> dict[str, Any]:
        """`sub` alone."""
        return {"sub": lambda asked: hub_name_of(asked.user.pk)}

    def get_discovery_claims(self, request: Any) -> list[str]:
        return ["sub"]

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Not for somebody who may not enter any more."""
        return bool(super().validate_code(client_id, code, client, request, *args, **kwargs)) and _may(request.user)

    def validate_bearer_token(self, token: str, scopes: list[str], request: Any) -> bool:
        """Likewise, at every use."""
        return bool(super().validate_bearer_token(token, scopes, request)) and _may(request.user)


def _may(user: Any) -> bool:
    member = Member.objects.select_related("center").filter(pk=user.pk).first() if user else None
    return member is not None and bool(may_enter_hub(member, member))
