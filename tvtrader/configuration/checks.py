"""Checks of the whole that would result: references, what the venue can do, and what live trades forbid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exchange.clients import BUILDERS
from exchange.models import Instrument, TradingState, Venue
from exchange.types import Market
from ledger.domain import validation
from ledger.domain.policy import SizingMethod
from ledger.models import Trade
from signals.models import Dialect, EndpointSecret
from tvtrader.configuration.fields import PATHS
from tvtrader.configuration.model import ConfigurationError, Item, Items
from tvtrader.configuration.state import accounts_without_keys, strategies_without_keys

# The six-amounts dialect sells holdings; the balance dialect names a leverage in every alert.
DIALECT_MARKETS = {Dialect.SPOT: Market.SPOT, Dialect.BALANCE_PERCENTAGE: Market.USDM}


class _Whole:
    """What will be there once the file is applied: the present, overlaid with what the file says."""

    def __init__(self, wanted: Iterable[Item], present: Items) -> None:
        self.present = present
        self.wanted = tuple(wanted)
        self.problems: list[str] = []
        self.merged: dict[tuple[str, str], dict[str, Any]] = {key: dict(item.values) for key, item in present.items()}
        for item in self.wanted:
            self.merged.setdefault((item.section, item.name), {}).update(item.values)

    def get(self, section: str, name: str) -> dict[str, Any] | None:
        return self.merged.get((section, name))

    def bad(self, item: Item, path: str, message: str, remedy: str = "") -> None:
        where = f"{item.path}.{path}" if path else item.path
        self.problems.append(f"{where}: {message}" + (f"; {remedy}" if remedy else ""))


def check(wanted: Iterable[Item], present: Items) -> None:
    """Raise ConfigurationError with every problem that shows only beside the rest of the configuration."""
    whole = _Whole(wanted, present)
    owners: dict[str, str] = {}
    for item in whole.wanted:
        if item.section == "accounts":
            _account(whole, item)
        elif item.section == "strategies":
            _strategy(whole, item)
        elif item.section == "endpoints":
            _endpoint(whole, item)
            _secrets(whole, item, owners)
    if whole.problems:
        raise ConfigurationError(whole.problems)


def _account(whole: _Whole, item: Item) -> None:
    present = whole.present.get((item.section, item.name))
    if present is None or present.values["venue"] == item.values["venue"]:
        return
    if Trade.objects.filter(account__name=item.name).exists():
        whole.bad(
            item,
            "venue",
            f"is {present.values['venue']} and the account has trades there, so it can't become {item.values['venue']}",
            "give the new account another name",
        )


def _strategy(whole: _Whole, item: Item) -> None:
    values = whole.merged[item.section, item.name]
    account = whole.get("accounts", values["account"])
    if account is None:
        whole.bad(item, "account", f"there is no account {values['account']}", _known(whole, "accounts"))
        return
    present = whole.present.get((item.section, item.name))
    if present and present.values["account"] != values["account"]:
        live = Trade.objects.filter(strategy__name=item.name, status__in=Trade.LIVE).count()
        if live:
            whole.bad(
                item,
                "account",
                f"the strategy has {live} live trade(s) on {present.values['account']}",
                "close them first (manage.py flatten --strategy), or make a second strategy",
            )
    if Venue(account["venue"]).market is Market.SPOT:
        _spot_strategy(whole, item, values)
    elif values["on_opposite"] == "hedge" and Venue(account["venue"]).paper and not account.get("hedge_mode"):
        whole.bad(
            item,
            "on_opposite",
            f"hedge holds both directions, and {values['account']} has one position a symbol",
            "set paper.hedge_mode: true on the account, or use close_first",
        )


def _spot_strategy(whole: _Whole, item: Item, values: dict[str, Any]) -> None:
    for column, messages in validation.find_problems(values, market=Market.SPOT).items():
        for message in messages:
            whole.bad(item, PATHS[column], message)
    if values["sizing_method"] == SizingMethod.MARGIN:
        whole.bad(item, "sizing.method", f"{values['account']} is spot, where there is no margin", "use quote_amount")


def _endpoint(whole: _Whole, item: Item) -> None:
    values = whole.merged[item.section, item.name]
    names = {"strategy": values["strategy"]}
    names |= {f"subaccounts.{label}": strategy for label, strategy in values["subaccounts"].items()}
    for path, name in names.items():
        strategy = whole.get("strategies", name)
        if strategy is None:
            whole.bad(item, path, f"there is no strategy {name}", _known(whole, "strategies"))
            continue
        account = whole.get("accounts", strategy["account"])
        market = DIALECT_MARKETS.get(values["dialect"])
        if account and market and Venue(account["venue"]).market is not market:
            kind = "spot" if market is Market.SPOT else "futures"
            whole.bad(
                item,
                path,
                f"the dialect {values['dialect']} is for {kind} accounts, and {name} trades on {account['venue']}",
                f"name a strategy on a {kind} account, or use another dialect",
            )


def _secrets(whole: _Whole, item: Item, owners: dict[str, str]) -> None:
    for digest in item.values.get("secrets", ()):
        stored = EndpointSecret.objects.filter(digest=digest).exclude(endpoint__name=item.name).first()
        other = owners.get(digest) or (stored.endpoint.name if stored else "")
        if other:
            whole.bad(item, "secret", f"the endpoint {other} has the same one", "every endpoint needs its own")
        owners[digest] = item.name


def _known(whole: _Whole, section: str) -> str:
    names = sorted(name for kind, name in whole.merged if kind == section)
    return f"known: {', '.join(names)}" if names else ""


def list_notes(wanted: Iterable[Item]) -> tuple[str, ...]:
    """Return what deserves a look after applying: things that stay off, and symbols that no venue has told us of."""
    notes = []
    loaded: dict[str, set[str]] = {}
    for venue, symbol in Instrument.objects.values_list("venue", "symbol"):
        loaded.setdefault(venue, set()).add(symbol)
    for item in wanted:
        if item.section == "accounts":
            account = accounts_without_keys().get(name=item.name)
            notes += _switches(item, account.enabled, account.state)
            if account.venue in BUILDERS and account.venue not in loaded:
                notes.append(
                    f"account {item.name}: no instrument of {account.venue} is known; run manage.py refresh_filters"
                )
            if account.venue not in BUILDERS:
                notes.append(
                    f"account {item.name}: this version has no adapter for {account.venue}, so it can't trade yet"
                )
        elif item.section == "strategies":
            row = strategies_without_keys().get(name=item.name)
            notes += _switches(item, row.enabled, row.state)
            notes += [
                f"strategy {item.name}: {row.account.venue} has no instrument {symbol}; refresh_filters asks again"
                for symbol in row.symbols
                if row.account.venue in loaded and symbol not in loaded[row.account.venue]
            ]
        elif item.section == "ticker_aliases":
            venue, symbol = item.values["venue"], item.values["symbol"]
            if venue in loaded and symbol not in loaded[venue]:
                notes.append(f"ticker alias {item.name}: {venue} has no instrument {symbol}")
    return tuple(notes)


def _switches(item: Item, enabled: bool, state: str) -> list[str]:
    word = "account" if item.section == "accounts" else "strategy"
    notes = []
    if not enabled and "enabled" not in item.values:
        notes.append(f"{word} {item.name} is disabled and stays so; `enabled: true` in the file turns it on")
    if state != TradingState.ACTIVE:
        notes.append(f"{word} {item.name} is {state}; `manage.py resume --{word} {item.name}` lets it trade again")
    return notes
