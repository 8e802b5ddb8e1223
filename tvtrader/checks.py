"""Startup checks: a dangerous or broken mix of settings is named, with its remedy, before anything runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import django
import rest_framework
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register, run_checks  # noqa: A004  # its name
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from tvtrader.logging import register_secrets

log = logging.getLogger(__name__)
HOUSE = "tvtrader"
SHORTEST_KEY = 32
OLDEST_DJANGO = (5, 2, 19)
OLDEST_DRF = (3, 18, 2)


# A deployment check: making migrations needs no keys; `enforce` runs these for every process that serves.
@register(HOUSE, deploy=True)
def check_keys(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """The two keys of the house exist and are strong enough."""
    found: list[CheckMessage] = []
    if len(_secret_key()) < SHORTEST_KEY:
        found.append(
            Error(
                f"SECRET_KEY is missing or shorter than {SHORTEST_KEY} characters.",
                hint="Put a long random SECRET_KEY into .env or the environment; ./run makes one.",
                id="tvtrader.E001",
            )
        )
    hint = "Put a Fernet key (44 characters) into FIELD_ENCRYPTION_KEYS; ./run makes one."
    if not settings.FIELD_ENCRYPTION_KEYS:
        found.append(Error("FIELD_ENCRYPTION_KEYS is missing.", hint=hint, id="tvtrader.E002"))
    for place, key in enumerate(settings.FIELD_ENCRYPTION_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            found.append(
                Error(f"Key {place} of FIELD_ENCRYPTION_KEYS is no Fernet key.", hint=hint, id="tvtrader.E003")
            )
    if 0 < len(settings.ADMIN_API_KEY) < SHORTEST_KEY:
        found.append(
            Error(
                f"ADMIN_API_KEY is shorter than {SHORTEST_KEY} characters.",
                hint="Use a long random one, or none to switch X-Admin-Key off.",
                id="tvtrader.E004",
            )
        )
    return found


@register(HOUSE)
def check_versions(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """The frameworks are not older than their last known security releases."""
    found: list[CheckMessage] = []
    for name, version, oldest in (
        ("Django", django.VERSION[:3], OLDEST_DJANGO),
        ("djangorestframework", _numbers(rest_framework.VERSION), OLDEST_DRF),
    ):
        if version < oldest:
            wanted = ".".join(map(str, oldest))
            found.append(
                Error(
                    f"{name} is older than {wanted}.",
                    hint="Install the locked requirements: pip install --require-hashes -r requirements/prod.txt",
                    id="tvtrader.E005",
                )
            )
    return found


@register(HOUSE, Tags.database)
def check_live_accounts(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Real money wants a house that shows no internals and a database that several processes can share."""
    if not databases or not _has_live_account():
        return []
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(
            Error(
                "DEBUG is on while an enabled account trades live.",
                hint="Unset DEBUG, or disable the live accounts.",
                id="tvtrader.E006",
            )
        )
    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        found.append(
            Warning(
                "An enabled account trades live on SQLite.",
                hint="Set DATABASE_URL to a PostgreSQL server; SQLite serves one machine and has no hot standby.",
                id="tvtrader.W001",
            )
        )
    return found


@register(HOUSE, Tags.database)
def check_stored_secrets(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The keys open what is stored; what they open is hidden from the logs of this process from now on."""
    from exchange.models import Account

    if not databases:
        return []
    try:
        for account in Account.objects.only("api_key", "api_secret"):
            register_secrets(account.api_key, account.api_secret)
    except DatabaseError:
        return []
    except (InvalidToken, RuntimeError):
        return [
            Error(
                "FIELD_ENCRYPTION_KEYS do not open the API secrets of an account.",
                hint="Add the key that they were written with behind the present one, separated by a comma.",
                id="tvtrader.E007",
            )
        ]
    return []


def enforce() -> None:
    """Refuse to start on errors, and log warnings; for processes that run no system checks by themselves."""
    messages = run_checks(tags=[HOUSE], include_deployment_checks=True, databases=["default"])
    for message in messages:
        if not message.is_serious():
            log.warning("%s %s %s", message.id, message.msg, message.hint)
    serious = [f"{message.id} {message.msg} {message.hint}" for message in messages if message.is_serious()]
    if serious:
        raise ImproperlyConfigured(" ".join(serious))


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django's answer to an empty one
        return ""


def _has_live_account() -> bool:
    from exchange.models import Account

    try:
        live = Account.objects.filter(enabled=True, environment=Account.Environment.LIVE)
        return live.exclude(venue__startswith="paper_").exists()
    except DatabaseError:  # not migrated yet, or not reachable: nothing can trade either
        return False


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
