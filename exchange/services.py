"""What commands and the console ask of a venue: its instruments, our balances, whether an account can be used."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.core.cache import cache
from django.db import transaction

from exchange.clients import get_client
from exchange.errors import ExchangeError
from exchange.models import RULE_FIELDS, Account, Instrument
from exchange.rules import tidy
from exchange.types import Balance, PositionMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that differs from what we knew; before is empty for something new."""

    subject: str
    field: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.subject} {self.field}: {self.before or 'new'} -> {self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding about an account; remedy says what to do when it is not ok."""

    ok: bool
    what: str
    remedy: str = ""


def refresh_instruments(account: Account) -> tuple[Change, ...]:
    """Fetch the rules of the account's venue into our rows and return what changed.

    A symbol that the venue no longer names is kept and marked as not trading. Raises ExchangeError.
    """
    fresh = {rules.symbol: rules for rules in get_client(account).load_instruments()}
    changes: list[Change] = []
    with transaction.atomic(durable=True):
        known = {row.symbol: row for row in Instrument.objects.select_for_update().filter(venue=account.venue)}
        for symbol, rules in sorted(fresh.items()):
            wanted = {name: getattr(rules, name) for name in RULE_FIELDS}
            row = known.get(symbol)
            if row is None:
                row = Instrument(venue=account.venue, symbol=symbol)
                changes.append(Change(subject=symbol, field="instrument", before="", after="listed"))
            else:
                changes.extend(_field_changes(row, wanted))
            for name, value in wanted.items():
                setattr(row, name, value)
            row.save()
        for symbol in sorted(known.keys() - fresh.keys()):
            if known[symbol].trading:
                known[symbol].trading = False
                known[symbol].save(update_fields=["trading", "refreshed_at"])
                changes.append(Change(subject=symbol, field="trading", before="True", after="False"))
    return tuple(changes)


def _field_changes(row: Instrument, wanted: dict[str, object]) -> list[Change]:
    return [
        Change(subject=row.symbol, field=name, before=_text(getattr(row, name)), after=_text(value))
        for name, value in wanted.items()
        if getattr(row, name) != value
    ]


def _text(value: object) -> str:
    return tidy(value) if isinstance(value, Decimal) else str(value)


def refresh_balances(account: Account) -> tuple[tuple[Balance, ...], tuple[Change, ...]]:
    """Fetch the account's balances and return them with what changed since they were last fetched here."""
    key = f"balances:{account.pk}"
    before: dict[str, str] = cache.get(key) or {}
    balances = get_client(account).get_balances()
    after = {
        balance.asset: f"{tidy(balance.free)} free of {tidy(balance.total)}"
        for balance in balances
        if balance.total or balance.asset in before
    }
    cache.set(key, after, timeout=None)
    changes = [
        Change(subject=asset, field="balance", before=before.get(asset, ""), after=text)
        for asset, text in sorted(after.items())
        if before.get(asset) != text
    ]
    return balances, tuple(changes)


def check_account(account: Account) -> tuple[Check, ...]:
    """Ask the venue whether the account can be used, and say what to do where it cannot."""
    checks = [
        Check(
            ok=account.enabled, what="the account is enabled" if account.enabled else "the account is switched off",
            remedy="switch it on in the console",
        )
    ]  # fmt: skip
    try:
        client = get_client(account)
        mode = client.get_position_mode()
        balances = client.get_balances()
        symbols = {rules.symbol for rules in client.load_instruments()}
    except ExchangeError as exc:
        return (*checks, Check(ok=False, what=f"the venue does not serve the account: {exc}", remedy=_remedy(exc)))
    funded = [balance for balance in balances if balance.total > 0]
    known = Instrument.objects.filter(venue=account.venue, symbol__in=symbols).count()
    wanted = PositionMode.HEDGE if account.hedge_mode else PositionMode.ONE_WAY
    checks += [
        Check(ok=True, what="paper needs no keys" if account.is_paper else "the keys are accepted"),
        Check(
            ok=bool(funded), what=f"{len(funded)} funded assets",
            remedy="set paper balances before the first order" if account.is_paper else "deposit funds",
        ),
        Check(
            ok=known == len(symbols), what=f"rules of {known} of {len(symbols)} instruments are stored",
            remedy=f"python manage.py refresh_filters --account {account.name}",
        ),
        Check(
            ok=not account.is_paper or not client.capabilities.leverage or mode is wanted,
            what=f"position mode {mode}",
            remedy="close all positions and orders: the paper venue changes the mode only while flat",
        ),
    ]  # fmt: skip
    return tuple(checks)


def _remedy(error: ExchangeError) -> str:
    text = str(error)
    return text.rpartition(": ")[2] if "adapter" in text else "check keys, environment and network, then try again"
