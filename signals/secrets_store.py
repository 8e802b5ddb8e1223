"""Webhook secrets: made, checked for strength, stored as keyed digests, found in constant time.

A secret is compared as its bytes, untrimmed. Several may be valid at one endpoint while rotating; none may be valid at
two, because `/webhook` finds the endpoint by the secret alone.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from exchange import crypto
from signals.models import Endpoint, EndpointSecret

SHORTEST = 16
LONGEST = 256
# Always this many digests and one query, whatever was sent: the time of a refusal tells nothing.
SLOTS = 4
USED_EVERY = timedelta(minutes=1)
_FILLER = b"no secret of any endpoint"
_DEFAULTS = re.compile(
    r"change_?me|(your|my|the)(webhook|client)?(token|secret|passphrase|password)|webhook(secret|token|passphrase)"
    r"|password|secretsecret|placeholder|example|insertsecret|0123456789|abcdefg"
)


class BadSecret(ValueError):
    """A secret that must not be used; the message says why, never what it was."""


def new_secret() -> str:
    """Return a random secret of 192 bits that can stand in a URL path."""
    return secrets.token_urlsafe(24)


def add_secret(endpoint: Endpoint, secret: str, *, expires_at: datetime | None = None) -> EndpointSecret:
    """Make a secret valid at an endpoint, besides those it has; once more: set when it expires.

    Raises BadSecret if it is short, a default, or another endpoint's.
    """
    check_strength(secret)
    existing = EndpointSecret.objects.filter(digest__in=crypto.digests(secret.encode())).first()
    if existing is None:
        try:
            with transaction.atomic():
                return EndpointSecret.objects.create(
                    endpoint=endpoint, digest=crypto.digest(secret.encode()), expires_at=expires_at
                )
        except IntegrityError:
            raise BadSecret("this secret was just given to another endpoint") from None
    if existing.endpoint_id != endpoint.pk:
        raise BadSecret(f"this secret is the endpoint {existing.endpoint}'s: every endpoint needs its own")
    existing.expires_at = expires_at
    existing.save(update_fields=["expires_at"])
    return existing


def set_secrets(endpoint: Endpoint, wanted: Sequence[str]) -> None:
    """Make exactly these secrets valid at an endpoint; raises BadSecret and changes nothing if one can't be used."""
    with transaction.atomic():
        kept = [add_secret(endpoint, secret).pk for secret in wanted]
        endpoint.secrets.exclude(pk__in=kept).delete()


def check_strength(secret: object) -> None:
    """Raise BadSecret for a secret that somebody could guess or that can't be sent."""
    if not isinstance(secret, str) or len(secret) < SHORTEST:
        raise BadSecret(f"a webhook secret needs at least {SHORTEST} characters")
    if len(secret) > LONGEST or not secret.isprintable():
        raise BadSecret(f"a webhook secret is at most {LONGEST} printable characters")
    if secret != secret.strip():
        raise BadSecret("a webhook secret must not begin or end with a space")
    bare = re.sub(r"[^a-z0-9]", "", secret.lower())
    if len(set(secret)) < 6 or len(_DEFAULTS.sub("", bare)) < SHORTEST // 2:
        raise BadSecret("this webhook secret is a default or too simple: leave it out to get a random one")


def find(candidates: Sequence[bytes], *, now: datetime) -> list[EndpointSecret | None]:
    """Return the valid secret row of each candidate, in order, None for one that is unknown or expired.

    One query and a fixed number of digests, whatever and however many (at most SLOTS) the candidates are.
    """
    padded = [*candidates[:SLOTS], *([_FILLER] * (SLOTS - len(candidates)))]
    digests = [crypto.digests(candidate) for candidate in padded]
    wanted = {digest for row in digests for digest in row}
    rows = list(
        EndpointSecret.objects.filter(digest__in=wanted).select_related("endpoint__strategy__account").order_by("pk")
    )
    found = [_matching(rows, row_digests, now) for row_digests in digests]
    return found[: len(candidates)]


def _matching(rows: list[EndpointSecret], digests: list[str], now: datetime) -> EndpointSecret | None:
    match = None
    for row in rows:
        for digest in digests:
            if hmac.compare_digest(row.digest.encode(), digest.encode()):
                match = row
    if match is None or (match.expires_at is not None and match.expires_at <= now):
        return None
    return match


def mark_used(secret: EndpointSecret, *, now: datetime) -> None:
    """Remember that a secret is in use, to the minute; the row is written no oftener than that."""
    if secret.last_used_at is None or now - secret.last_used_at >= USED_EVERY:
        EndpointSecret.objects.filter(pk=secret.pk).update(last_used_at=now)
