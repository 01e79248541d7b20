"""Errors that a person reads: each message says what happened and what to do next."""

from collections.abc import Mapping


class PortalError(Exception):
    """Something the portal refuses or cannot do. `status` is the answer's HTTP status."""

    status = 400


class NotAllowed(PortalError):
    """This person may not do this; the message is the policy's reason."""

    status = 403


class NeedsFreshFactor(NotAllowed):
    """Allowed, but only minutes after proving who one is."""


class WrongState(PortalError):
    """The thing has moved on; this step is not open now."""

    status = 409


class Invalid(PortalError):
    """The input can't be taken. `fields` maps a form field to its own sentence."""

    status = 422

    def __init__(self, message: str = "", *, fields: Mapping[str, str] | None = None) -> None:
        self.fields = dict(fields or {})
        super().__init__(message or " ".join(self.fields.values()))


class NotFound(PortalError):
    """There is no such thing, or none that this person may know of."""

    status = 404


class Unavailable(PortalError):
    """Another system did not answer; trying again later may help."""

    status = 503


class NotRecorded(Unavailable):
    """The record did not take the event, so what it was about does not happen either."""


class AlreadyDelivered(PortalError):
    """A message of the outbox had its effect before; nothing is left to do."""
