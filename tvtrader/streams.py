"""Joins the venues' streams with the ledger, which exchange may not know."""

from __future__ import annotations

import threading
from typing import Protocol

from exchange.streams import StreamSupervisor


class Stoppable(Protocol):
    """A thread that can be asked to end."""

    ident: int | None

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def is_alive(self) -> bool: ...

    def join(self, timeout: float | None = None) -> None: ...


def make_supervisor() -> Stoppable:
    """Return the thread that listens to every account's venue and hands what it hears to the ledger."""
    supervisor: threading.Thread = StreamSupervisor()
    return supervisor
