"""The token in a link for a new password: void once its owner signed in or changed it, and after an hour."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from apps.alliance.models import Member
from apps.alliance.signin.sessions import last_opened


class LinkTokens(PasswordResetTokenGenerator):
    """Django's tokens, with the last sign-in taken from the record: no column keeps it."""

    def _make_hash_value(self, user: Member, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{last_opened(user)}"
