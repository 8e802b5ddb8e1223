"""The table of the configuration file: which key means which column, how it is read, and what it is when left out.

Parsing, the difference and the dump all walk this table, so that a key can't be read and then forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exchange.models import Account, Venue
from exchange.rules import plain
from exchange.types import MarginType, WorkingType
from ledger.domain import policy as p
from signals.models import Dialect
from signals.secrets_store import BadSecret, check_strength
from tvtrader.configuration import rows
from tvtrader.configuration.readers import (
    Bad,
    Reader,
    boolean,
    choice,
    name,
    number,
    optional,
    shown,
    symbol,
    text_of,
    unique_list,
    whole,
)

REQUIRED: Any = object()
KEEP: Any = object()
TWO_BILLION = 2_000_000_000


def _as_is(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the file. path: dotted into sections. column: the row's attribute.

    default: what the row gets when the key is left out; KEEP leaves the row as it is, REQUIRED is an error.
    write: the row's value as the file says it.
    """

    path: str
    column: str
    read: Reader
    default: Any = REQUIRED
    write: Callable[[Any], Any] = _as_is
    secret: bool = False


def _upper(words: Any) -> Reader:
    """Return a reader of an enum's words in small letters, as the file writes them."""
    read = choice([str(word).lower() for word in words])
    return lambda value: read(value).upper()


def _lower(value: str) -> str | None:
    return value.lower() or None


def _breakeven(value: Any) -> int:
    found = text_of(value)
    if not (found.startswith("tp") and found[2:].isascii() and found[2:].isdigit() and 1 <= int(found[2:]) <= 20):
        raise Bad(f"{shown(found)} is not a target", "write tp1, tp2, ... or null")
    return int(found[2:])


def _stop_price(value: Any) -> bool:
    if value not in (None, "alert"):
        raise Bad(f"can only be alert or null, not {shown(value)}", "use pct for a stop of the strategy")
    return value is not None


_whole = whole(least=0, most=TWO_BILLION - 1)
_positive = number(above="0")
_percent = number(above="0", below="100")
_name = name
_fee = number(above="-0.01", most="0.1")
LATER_VENUES = {"ccxt:": f"use one of {', '.join(Venue.values)}"}
LATER_SIZING = {"contracts_scaled": "use margin, balance_fraction or base_amount"}

ACCOUNT = (
    Key(path="name", column="name", read=_name),
    Key(path="venue", column="venue", read=choice(Venue.values, kind="venue", later=LATER_VENUES)),
    Key(path="environment", column="environment", read=choice(Account.Environment.values), default=KEEP),
    Key(path="api_key", column="api_key", read=text_of, default=KEEP, secret=True),
    Key(path="api_secret", column="api_secret", read=text_of, default=KEEP, secret=True),
    Key(path="enabled", column="enabled", read=boolean, default=KEEP),
    Key(path="paper.balances", column="paper_balances", read=rows.balances, default={}),
    Key(path="paper.fees.maker", column="maker_fee", read=_fee, default=Decimal("0.0002")),
    Key(path="paper.fees.taker", column="taker_fee", read=_fee, default=Decimal("0.0005")),
    Key(path="paper.slippage_bps", column="slippage_bps", read=number(least="0", most="1000"), default=Decimal(1)),
    Key(path="paper.hedge_mode", column="hedge_mode", read=boolean, default=False),
)

STRATEGY = (
    Key(path="name", column="name", read=_name),
    Key(path="account", column="account", read=_name),
    Key(path="enabled", column="enabled", read=boolean, default=KEEP),
    Key(path="mode", column="mode", read=choice(p.Mode), default="auto"),
    Key(path="symbols", column="symbols", read=optional(unique_list(symbol), []), default=[]),
    Key(
        path="sizing.method",
        column="sizing_method",
        read=optional(choice(p.SizingMethod, kind="sizing method", later=LATER_SIZING), ""),
        default="",
        write=lambda value: value or None,
    ),
    Key(path="sizing.amount", column="sizing_amount", read=optional(_positive), default=None),
    Key(path="leverage", column="leverage", read=optional(whole(least=1, most=125)), default=None),
    Key(path="max_leverage", column="max_leverage", read=whole(least=1, most=125), default=20),
    Key(path="margin_type", column="margin_type", read=optional(_upper(MarginType), ""), default="", write=_lower),
    Key(path="reserve_pct", column="reserve_pct", read=number(least="0", below="100"), default=Decimal("0.2")),
    Key(path="entry.order_type", column="entry_type", read=_upper(("MARKET", "LIMIT")), default="MARKET", write=_lower),
    Key(path="entry.timeout_s", column="entry_timeout_s", read=optional(whole(least=1, most=31_536_000)), default=None),
    Key(path="dca", column="dca", read=optional(rows.dca, []), default=[]),
    Key(path="take_profits", column="take_profits", read=optional(rows.take_profits, []), default=[]),
    Key(
        path="stop_loss.price",
        column="stop_from_alert",
        read=_stop_price,
        default=True,
        write=lambda value: "alert" if value else None,
    ),
    Key(path="stop_loss.pct", column="stop_pct", read=optional(_percent), default=None),
    Key(path="stop_loss.required", column="stop_required", read=boolean, default=False),
    Key(path="stop_loss.working_type", column="working_type", read=_upper(WorkingType), default="MARK", write=_lower),
    Key(
        path="stop_loss.breakeven_after",
        column="breakeven_after",
        read=optional(_breakeven),
        default=None,
        write=lambda value: f"tp{value}" if value else None,
    ),
    Key(
        path="stop_loss.breakeven_offset_pct",
        column="breakeven_offset_pct",
        read=number(least="0", below="100"),
        default=Decimal(0),
    ),
    Key(path="stop_loss.trail_pct", column="trail_pct", read=optional(number(above="0")), default=None),
    Key(path="protect_within_s", column="protect_within_s", read=whole(least=1, most=3600), default=2),
    Key(path="on_duplicate_entry", column="on_duplicate_entry", read=choice(p.OnDuplicate), default="refuse"),
    Key(path="on_opposite", column="on_opposite", read=choice(p.OnOpposite), default="close_first"),
    Key(path="exit_cooldown_s", column="exit_cooldown_s", read=_whole, default=30),
    Key(path="max_age_s", column="max_age_s", read=whole(least=1, most=31_536_000), default=60),
    Key(path="limits.max_open_trades", column="max_open_trades", read=optional(_whole), default=None),
    Key(path="limits.max_notional", column="max_notional", read=optional(_positive), default=None),
    Key(path="limits.max_daily_loss", column="max_daily_loss", read=optional(_positive), default=None),
    Key(path="limits.max_trades_per_day", column="max_trades_per_day", read=optional(_whole), default=None),
    Key(path="limits.max_slippage_pct", column="max_slippage_pct", read=optional(_percent), default=None),
    Key(path="limits.max_risk_pct", column="max_risk_pct", read=optional(number(above="0", most="100")), default=None),
)


def _secrets(value: Any) -> tuple[str, ...]:
    found = [text_of(item) for item in value] if isinstance(value, list) else [text_of(value)]
    if not found:
        raise Bad("is an empty list", "give at least one secret, or leave the key out for a random one")
    if len(set(found)) != len(found):
        raise Bad("holds the same secret twice")
    for secret in found:
        try:
            check_strength(secret)
        except BadSecret as exc:
            raise Bad(str(exc)) from None
    return tuple(found)


def _subaccounts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Bad(f"must be a mapping, not {shown(value)}", "write {label of the alert: name of a strategy}")
    for label, strategy in value.items():
        if not 0 < len(label) <= 64:
            raise Bad(f"the label {shown(label)} is not of 1 to 64 letters")
        try:
            name(strategy)
        except Bad as exc:
            raise Bad(f"{label}: {exc.message}", exc.remedy) from None
    return value


ENDPOINT = (
    Key(path="name", column="name", read=_name),
    Key(path="strategy", column="strategy", read=_name),
    Key(path="dialect", column="dialect", read=choice(Dialect.values, kind="dialect"), default="native"),
    Key(path="enabled", column="enabled", read=boolean, default=KEEP),
    Key(path="secret", column="secrets", read=_secrets, default=KEEP, secret=True),
    Key(path="subaccounts", column="subaccounts", read=optional(_subaccounts, {}), default={}),
    Key(path="strict", column="strict", read=optional(boolean), default=None),
    Key(
        path="duplicate_window_s",
        column="duplicate_window_s",
        read=optional(whole(least=0, most=31_536_000)),
        default=None,
    ),
)

# Where the file says a strategy's column.
PATHS = {key.column: key.path for key in STRATEGY}
TABLES = {"accounts": ACCOUNT, "strategies": STRATEGY, "endpoints": ENDPOINT}
__all__ = ["ACCOUNT", "ENDPOINT", "KEEP", "PATHS", "REQUIRED", "STRATEGY", "TABLES", "Key"]
