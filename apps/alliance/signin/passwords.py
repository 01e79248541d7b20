"""Passwords that guessing programs try first: rows of keys, sequences, repeats, names, words with a year behind."""

import re

from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from apps.alliance.models import Member

FEWEST_GUESSES = 10**8  # zxcvbn's third of four steps: safe from guessing at the door
LOOKED_AT = 72  # characters, as many as zxcvbn takes; more only make a password better


class NotSoonGuessed:
    """Refuses what zxcvbn expects to be guessed within FEWEST_GUESSES tries."""

    def validate(self, password: str, user: Member | None = None) -> None:
        own = re.split(r"\W+", f"{user.name} {user.email}") if user else []
        if zxcvbn(password[:LOOKED_AT], user_inputs=own)["guesses"] < FEWEST_GUESSES:
            raise ValidationError(
                "This password would soon be guessed: it is a pattern, or much like a common one. Several unusual "
                "words in a row are better."
            )

    def get_help_text(self) -> str:
        return "Patterns and common passwords are refused."
