from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from signals.services.receive import Arrival, Receipt, receive_alert
from tests.factories import SECRET, T0


def deliver(alert: Any, *, after: float = 0, secret: str | None = SECRET, **named: Any) -> Receipt:
    body = alert if isinstance(alert, bytes) else json.dumps(alert).encode()
    return receive_alert(Arrival(body=body, received_at=T0 + timedelta(seconds=after), path_secret=secret, **named))
