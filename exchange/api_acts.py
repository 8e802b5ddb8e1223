"""What routes that act have in common: who asked, that it is written down, and how "not now" is answered."""

from __future__ import annotations

from typing import Any

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from exchange.admin.acts import audit

log = structlog.get_logger(__name__)


class Conflict(APIException):
    """The row is not in a state in which this can be done."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "not_possible"


def actor(request: Request) -> str:
    """Return the name of who asked, as the ledger keeps it."""
    return f"{request.user.get_username()} by API"


def write_down(request: Request, row: Model, act: str, **facts: Any) -> None:
    """Write the act to the audit log, or, for the admin key that is nobody's row, to the service's log only."""
    log.info("api_act", act=act, row=f"{row._meta.label}:{row.pk}", by=actor(request), **facts)
    if isinstance(request.user, AbstractBaseUser):
        audit(request, row, f"{act} by API")  # it reads request.user and nothing else
