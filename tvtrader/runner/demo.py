"""The first user and the demo configuration: made once, never changed afterwards."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.contrib.auth import get_user_model

from exchange import crypto
from exchange.models import Account
from signals.models import Endpoint, EndpointSecret
from tvtrader import logging as house_logging
from tvtrader.configuration import apply_file, load_paper_instruments

DEMO_FILE = Path(__file__).resolve().parent.parent / "demo.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An endpoint as the start page shows it; secret is None if only its owner knows it."""

    name: str
    dialect: str
    secret: str | None

    @property
    def path(self) -> str:
        return f"/webhook/{self.secret}" if self.secret else f"/webhook/e/{self.name}"


def ensure_admin() -> str | None:
    """Make the user `admin` if nobody can enter the console; return its password, which is told once."""
    users: Any = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(15)
    users.create_superuser("admin", password=password)
    return password


def ensure_demo() -> bool:
    """Apply the demo configuration to an empty house; a second start finds accounts and changes nothing."""
    if Account.objects.exists():
        # The first start may have died between the configuration and the rules of its instruments.
        load_paper_instruments()
        return False
    config = yaml.safe_load(DEMO_FILE.read_text(encoding="utf-8"))
    names = [endpoint["name"] for endpoint in config["endpoints"]]
    known = {variable_of(name): secret_of(name) for name in names}
    apply_file(DEMO_FILE, env={**os.environ, **known})
    return True


def variable_of(endpoint: str) -> str:
    """Return the name under which demo.yaml asks for the endpoint's secret."""
    return "DEMO_SECRET_" + endpoint.upper().replace("-", "_")


def secret_of(endpoint: str) -> str:
    """Return the endpoint's demo secret, derived so that every start can print it and no file need hold it."""
    key = os.environ["DEMO_WEBHOOK_SECRET"]
    return hmac.new(key.encode(), endpoint.encode(), hashlib.sha256).hexdigest()


def list_doors() -> list[Door]:
    """Return the enabled endpoints, with the secrets that can be derived."""
    doors = []
    for endpoint in Endpoint.objects.filter(enabled=True).order_by("id"):
        secret = secret_of(endpoint.name)
        digests = crypto.digests(secret.encode())
        known = EndpointSecret.objects.filter(endpoint=endpoint, digest__in=digests).exists()
        if known:
            house_logging.register_secrets(secret)
        doors.append(Door(name=endpoint.name, dialect=endpoint.dialect, secret=secret if known else None))
    return doors
