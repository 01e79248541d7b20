"""What allauth says to people, in the portal's words; what is not listed stays unsaid."""

TRIES = "Too many tries. Wait five minutes, then try again."

ACCOUNT_ERRORS = {
    "account_inactive": "This membership is not active. Your center's managers can help.",
    "email_password_mismatch": "That e-mail address and password don't open an account.",
    "enter_current_password": "That is not your present password.",
    "incorrect_password": "That is not your password.",
    "incorrect_code": "That code is not right, or was used already. Codes change every 30 seconds; take the newest.",
    "invalid_password_reset": "This link was used already, or is too old. Ask for a new one.",
    "too_many_login_attempts": TRIES,
    "rate_limited": TRIES,
}

FACTOR_ERRORS = {
    "incorrect_code": ACCOUNT_ERRORS["incorrect_code"],
    "cannot_delete_authenticator": (
        "This is your only second factor, and everybody needs one. Add a passkey first; then you can remove the app."
    ),
}
PASSKEY_REFUSED = "That passkey did not open an account here. Try again, or sign in with your password."
LAST_FACTOR = (
    "This is your only second factor, and everybody needs one. Add another first; then you can remove this one."
)

MESSAGES = {
    "account/messages/logged_out.txt": "You are signed out.",
    "account/messages/password_changed.txt": "Your password is changed. Every other session of yours is ended.",
    "mfa/messages/totp_activated.txt": "Your authenticator app is set up.",
    "mfa/messages/totp_deactivated.txt": "The authenticator app is removed.",
    "mfa/messages/webauthn_added.txt": "The passkey is added.",
    "mfa/messages/webauthn_removed.txt": "The passkey is removed.",
}

# What is told to a member about a change to their own account: subject and first sentence.
NOTICES = {
    "account/email/password_changed": ("Your password was changed", "The password of your account was changed."),
    "account/email/password_reset": ("Your password was set anew", "A new password was set by a link sent to you."),
    "mfa/email/totp_activated": ("An authenticator app was added", "An authenticator app now opens your account."),
    "mfa/email/totp_deactivated": (
        "Your authenticator app was removed",
        "The authenticator app no longer opens your account.",
    ),
    "mfa/email/webauthn_added": ("A passkey was added", "A new passkey opens your account."),
    "mfa/email/webauthn_removed": ("A passkey was removed", "A passkey no longer opens your account."),
    "mfa/email/recovery_codes_generated": (
        "New recovery codes were made",
        "Your former recovery codes no longer work.",
    ),
}
