"""Equity over time: what an account had of each asset, and what its open positions were worth beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from exchange.models import Account, Instrument
from exchange.types import ZERO, Balance, VenuePosition
from ledger.domain.position import exact
from ledger.models import EquitySnapshot


def snapshot(
    account: Account, balances: Iterable[Balance], positions: Iterable[VenuePosition], at: datetime
) -> list[EquitySnapshot]:
    """Store what the account has now, one row an asset; kept for ever. PnL is in the margin asset of its symbol.

    Assets of which there is nothing are left out, unless the latest snapshot still had some: a curve must end at 0.
    """
    held = {balance.asset: balance for balance in balances}
    earned: dict[str, Fraction] = defaultdict(Fraction)
    open_positions = list(positions)
    assets = {
        row.symbol: row.margin_asset or row.quote_asset
        for row in Instrument.objects.filter(venue=account.venue, symbol__in={p.symbol for p in open_positions})
    }
    for position in open_positions:
        earned[assets[position.symbol]] += Fraction(position.unrealized_pnl)
    shown = {asset for asset, balance in held.items() if balance.total or balance.free}
    wanted = sorted(shown | set(earned) | _still_shown(account))
    return EquitySnapshot.objects.bulk_create(
        EquitySnapshot(
            account=account,
            asset=asset,
            free=_of(held, asset).free,
            total=_of(held, asset).total,
            unrealized_pnl=exact(earned.get(asset, Fraction(0))),
            at=at,
        )
        for asset in wanted
    )


def _of(held: dict[str, Balance], asset: str) -> Balance:
    return held.get(asset) or Balance(asset=asset, free=ZERO, total=ZERO)


def _still_shown(account: Account) -> set[str]:
    latest = EquitySnapshot.objects.filter(account=account).order_by("-at").values_list("at", flat=True).first()
    if latest is None:
        return set()
    rows = EquitySnapshot.objects.filter(account=account, at=latest)
    return {row.asset for row in rows if row.total != Decimal(0)}
