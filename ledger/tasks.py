"""Celery tasks of the ledger: what is written down by the clock."""

from __future__ import annotations

import structlog
from celery import shared_task

from exchange.clients import get_client
from exchange.clock import now
from exchange.errors import ExchangeError
from exchange.models import Account
from ledger.services.equity import snapshot

log = structlog.get_logger(__name__)


@shared_task(name="tvtrader.ledger.snapshot_equity")
def snapshot_equity(**_: object) -> None:
    """Write down what every enabled account has; an account that can't be asked has no snapshot this time."""
    for account in Account.objects.filter(enabled=True):
        try:
            client = get_client(account)
            balances, positions = client.get_balances(), client.get_positions()
        except ExchangeError as exc:
            log.warning("equity_not_known", account=account.name, error=str(exc))
            continue
        snapshot(account, balances, positions, now())
