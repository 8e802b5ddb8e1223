"""Configuration files that several tests apply, and what they ask of the result."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.models import Account, TickerAlias
from ledger.models import Strategy
from signals.models import Endpoint, EndpointSecret
from tvtrader.configuration import ConfigurationError
from tvtrader.configuration.apply import apply_text

DEMO = Path(__file__).resolve().parents[3] / "tvtrader" / "demo.yaml"
DEMO_NAMES = ("NATIVE", "SPOT", "STRATEGY_ALERT", "ENTRY_EXIT", "BRACKET", "BALANCE_PERCENTAGE")
DEMO_ENV = {f"DEMO_SECRET_DEMO_{name}": f"canary-secret-of-{name.lower()}" for name in DEMO_NAMES}
KEYS = {"KEY": "canary-api-key", "SECRET": "canary-api-secret", "HOOK": "canary-hook-7Gk29Qx"}

# The whole example of the agreed names, every key of it.
FULL = """
accounts:
  - name: main-futures
    venue: binance_usdm
    environment: live
    api_key: {env: KEY}
    api_secret: {env: SECRET}
    enabled: true
  - name: paper
    venue: paper_usdm
    paper:
      balances: {USDT: "10000", BNB: 1.5}
      fees: {maker: "0.0001", taker: 0.0004}
      slippage_bps: 2.5
      hedge_mode: true
strategies:
  - name: mean-reversion
    account: main-futures
    mode: approve
    enabled: true
    symbols: [BTCUSDT, ETHUSDT]
    sizing: {method: margin, amount: 10.10}
    leverage: 10
    max_leverage: 15
    margin_type: isolated
    reserve_pct: 0.5
    entry: {order_type: limit, timeout_s: 3600}
    dca: [{distance_pct: 2, size_scale: "1.5"}, {distance_pct: 4}]
    take_profits: [{r: "0.75", share: "0.15"}, {pct: 1.5, share: 0.15}, {price: alert, share: rest}]
    stop_loss: {price: alert, pct: 1, required: true, working_type: last, breakeven_after: tp1,
                breakeven_offset_pct: "0.2", trail_pct: 0.5}
    protect_within_s: 3
    on_duplicate_entry: replace
    on_opposite: refuse
    exit_cooldown_s: 31
    max_age_s: 61
    limits: {max_open_trades: 5, max_notional: "5000", max_daily_loss: 200.05, max_trades_per_day: 50,
             max_slippage_pct: "0.5", max_risk_pct: 3}
endpoints:
  - name: mean-reversion
    strategy: mean-reversion
    dialect: strategy_alert
    secret: [{env: HOOK}, older-canary-4Tz81Wp]
    subaccounts: {Testing: mean-reversion}
    strict: true
    duplicate_window_s: 90
    enabled: true
ticker_aliases:
  - {venue: binance_usdm, ticker: BTCPERP, symbol: BTCUSDT}
"""

SMALL = """
accounts: [{name: paper, venue: paper_usdm}]
strategies: [{name: one, account: paper}]
endpoints: [{name: hook, strategy: one}]
ticker_aliases: [{venue: paper_usdm, ticker: BTCPERP, symbol: BTCUSDT}]
"""


def problems(text: str, **env: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        apply_text(text, env=env)
    return caught.value.problems


def rows() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Account, Strategy, Endpoint, EndpointSecret, TickerAlias))


def strategy(line: str, venue: str = "paper_usdm") -> str:
    return f"accounts: [{{name: a, venue: {venue}}}]\nstrategies:\n  - name: s\n    account: a\n    {line}"
