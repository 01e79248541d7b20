"""Sweeps: one command after the other over many rows, none of which stands in the way of the next."""

import logging
from collections.abc import Callable
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import models

from apps.core.actors import SystemActor
from apps.core.errors import PortalError

logger = logging.getLogger(__name__)


def quietly(act: Callable[..., Any], target: models.Model, *, by: SystemActor, **details: Any) -> None:
    """Ask for the command; a refusal is recorded already, a break stands in the log too."""
    try:
        act(target, by=by, **details)
    except PortalError:
        return
    except SoftTimeLimitExceeded:  # it is not this row that broke: the whole task has to end now
        raise
    except Exception:
        logger.exception("%s broke off for %s %s", act.__name__, target._meta.verbose_name, target.pk)
