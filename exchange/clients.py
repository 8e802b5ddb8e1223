"""Account to exchange client: one per account and process, made anew when the account's settings change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from exchange import clock, registry
from exchange.models import Account, Venue
from exchange.paper_store import DjangoPaperStore
from exchange.port import ExchangeClient

_lock = Lock()
_clients: dict[int, tuple[tuple[Any, ...], ExchangeClient]] = {}
_overrides: dict[str, ExchangeClient] = {}


def _paper(account: Account) -> ExchangeClient:
    # The store gets nothing but the account's id: no key, no address, so that paper can reach no live host.
    client: ExchangeClient = registry.adapter(account.venue)(
        market=account.market, store=DjangoPaperStore(account.pk), clock=lambda: clock.now()
    )
    return client


BUILDERS: dict[str, Callable[[Account], ExchangeClient]] = {Venue.PAPER_SPOT: _paper, Venue.PAPER_USDM: _paper}


def get_client(account: Account) -> ExchangeClient:
    """Return the account's client; raises `exchange.registry.UnknownVenue` if no adapter serves its venue."""
    replaced = _overrides.get(account.name)
    if replaced is not None:
        return replaced
    settings = (account.venue, account.environment, account.api_key, account.api_secret)
    with _lock:
        known = _clients.get(account.pk)
        if known and known[0] == settings:
            return known[1]
        build = BUILDERS.get(account.venue)
        if build is None:
            raise registry.UnknownVenue(
                f"no adapter is installed for the venue '{account.venue}' of account {account.name!r}: "
                f"give it one of {', '.join(sorted(BUILDERS))}"
            )
        client = build(account)
        _clients[account.pk] = (settings, client)
        return client


@contextmanager
def override(account_name: str, client: ExchangeClient) -> Iterator[None]:
    """Give everybody in this process this client for an account while the block runs."""
    before = _overrides.get(account_name)
    _overrides[account_name] = client
    try:
        yield
    finally:
        if before is None:
            _overrides.pop(account_name, None)
        else:
            _overrides[account_name] = before
