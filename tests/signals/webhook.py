"""Posting alerts at the door: what the tests of the webhook share."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from signals.models import Endpoint
from tests.factories import SECRET, EndpointFactory, InstrumentFactory

EXIT = {"symbol": "BTCUSDT", "action": "exit"}
ENTRY = {"symbol": "BTCUSDT", "action": "enter_long"}


def make_endpoint(**values: Any) -> Endpoint:
    InstrumentFactory(symbol="BTCUSDT")
    endpoint: Endpoint = EndpointFactory(**values)
    return endpoint


def post(
    body: Any,
    path: str = "/webhook",
    *,
    content_type: str = "application/json",
    client: Client | None = None,
    **extra: Any,
) -> Any:
    """Post a body; objects as JSON, with the secret unless they bring their own."""
    if isinstance(body, dict):
        body = json.dumps(body)
    # Not .post(): that would encode the body as the Content-Type says.
    return (client or Client()).generic("POST", path, body, content_type, **extra)


def signed(alert: dict[str, Any], secret: str = SECRET) -> dict[str, Any]:
    return {**alert, "token": secret}
