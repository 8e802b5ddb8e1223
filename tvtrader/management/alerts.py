"""Reading an alert and its endpoint for the commands that try one."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from django.core.management.base import CommandError

from signals import parsing
from signals.models import Endpoint

# The body's secret is written textually: parsing and printing JSON again would change the digits of numbers.
STAND_IN = re.compile(rf'("(?:{"|".join(parsing.SECRET_FIELDS)})"\s*:\s*)"<[^"<>]*>"')
OPENING = re.compile(r"^(\s*\{)(\s*)(\})?")


def read_alert(file: str) -> bytes:
    """Return the bytes of an alert file, of standard input for `-`; raises CommandError if it can't be read."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as exc:
        raise CommandError(f"{file} can't be read: {exc.strerror}", returncode=2) from None


def find_endpoint(name: str) -> Endpoint:
    """Return the endpoint; raises CommandError with the names that exist."""
    found = Endpoint.objects.select_related("strategy").filter(name=name).first()
    if found is None:
        known = ", ".join(Endpoint.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"there is no endpoint {name}; known: {known}", returncode=2)
    return found


def addressed(body: bytes, *, endpoint: str, secret_env: str | None, env: Mapping[str, str]) -> tuple[str, bytes]:
    """Return the path to post to, and the body with the endpoint's secret: its own, the variable's, or the demo's.

    A secret like "<secret>" is a stand-in and is replaced. What is no JSON object can't carry a secret: it goes to the
    secret path, so that the service says what is wrong with it. Raises CommandError if no secret is known.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        return f"/webhook/{quote(_secret(endpoint, secret_env, env), safe='')}", body
    text, path = body.decode(json.detect_encoding(body)), f"/webhook/e/{endpoint}"
    own = any(name in payload for name in parsing.SECRET_FIELDS)
    if own and not STAND_IN.search(text):
        return path, body
    quoted = json.dumps(_secret(endpoint, secret_env, env))
    if own:
        return path, STAND_IN.sub(lambda match: match.group(1) + quoted, text).encode()
    pair = f'"{parsing.SECRET_FIELDS[0]}": {quoted}'
    return path, OPENING.sub(lambda match: match.group(1) + pair + (match.group(3) or ", "), text, count=1).encode()


def _secret(endpoint: str, secret_env: str | None, env: Mapping[str, str]) -> str:
    if secret_env:
        if not env.get(secret_env):
            raise CommandError(f"the environment has no {secret_env}", returncode=2)
        return env[secret_env]
    key = env.get("DEMO_WEBHOOK_SECRET", "")
    if key:
        # As ./run makes the secrets of the demo endpoints.
        return hmac.new(key.encode(), endpoint.encode(), hashlib.sha256).hexdigest()
    raise CommandError(
        f"the secret of {endpoint} is not known: put it into the file, or name its variable with --secret-env",
        returncode=2,
    )
