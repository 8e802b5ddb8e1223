"""The paper venue's store on our tables: one short transaction per call, under the account's lock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Model

from exchange import clock, instrument_files
from exchange import paper_mapping as mapping
from exchange.adapters.paper import state as paper
from exchange.adapters.paper.market import next_funding
from exchange.adapters.paper.store import Decide, StoredOrder
from exchange.errors import AccountUnusable, NotSent, OutcomeUnknown, QueryFailed
from exchange.models import Account, Instrument, Venue
from exchange.paper_rows import (
    PaperAccount,
    PaperBalance,
    PaperEvent,
    PaperFill,
    PaperIncome,
    PaperOrder,
    PaperPosition,
    PaperPrice,
    PaperSetup,
)
from exchange.types import FillReport, IncomeReport, InstrumentRules, MarginType, Market, PositionSide

log = logging.getLogger(__name__)

ATTEMPTS = 5
PAUSE_S = 0.02
OutcomeT = TypeVar("OutcomeT")
KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")
KEYS: dict[type[Model], tuple[str, ...]] = {
    PaperBalance: ("account", "asset"),
    PaperSetup: ("account", "symbol"),
    PaperPosition: ("account", "symbol", "position_side"),
    PaperOrder: ("account", "number"),
}


class DjangoPaperStore:
    """Rows of one account; implements `exchange.adapters.paper.store.PaperStore`."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id

    def change(self, decide: Decide, *, symbols: Collection[str]) -> tuple[StoredOrder, ...]:
        def work() -> tuple[StoredOrder, ...]:
            account, row = self._lock()
            for symbol in symbols:
                _price(Venue(account.venue), symbol)  # gives a symbol that was never asked for its first price
            before = self._load(account, row, symbols)
            step = decide(before)
            self._save(row, before, step)
            return tuple(self._answer(before, step, number) for number in step.answer)

        return committed(work)

    def read(self, *, symbols: Collection[str] = ()) -> paper.State:
        def work() -> paper.State:
            account, row = self._lock()
            return self._load(account, row, symbols)

        return self._reading(lambda: committed(work))

    def peek(self) -> paper.State | None:
        """Return the state without the lock: perhaps torn, good only to see whether to look closer."""
        row = PaperAccount.objects.filter(pk=self.account_id).first()
        return None if row is None else self._load(Account.objects.get(pk=self.account_id), row, ())

    def rules(self) -> tuple[InstrumentRules, ...]:
        return instrument_files.rules(self._reading(self._venue))

    def view(self, symbol: str) -> paper.MarketView | None:
        row = self._reading(lambda: _price(self._venue(), symbol))
        return mapping.view_of(row) if row else None

    def find(self, client_order_id: str, symbol: str) -> StoredOrder | None:
        def look() -> StoredOrder | None:
            rows = PaperOrder.objects.filter(account=self.account_id, client_order_id=client_order_id, symbol=symbol)
            row = rows.order_by("-number").first()
            return self._with_fills(row) if row else None

        return self._reading(look)

    def fills(self, symbol: str, since: datetime) -> tuple[FillReport, ...]:
        rows = PaperFill.objects.filter(account=self.account_id, symbol=symbol, filled_at__gte=since)
        return self._reading(lambda: tuple(mapping.fill_of(row) for row in rows.order_by("number")))

    def incomes(self, since: datetime) -> tuple[IncomeReport, ...]:
        rows = PaperIncome.objects.filter(account=self.account_id, occurred_at__gte=since)
        return self._reading(lambda: tuple(mapping.income_of(row) for row in rows.order_by("number")))

    def _venue(self) -> Venue:
        venue = Account.objects.filter(pk=self.account_id).values_list("venue", flat=True).first()
        if venue is None:
            raise AccountUnusable(f"paper account {self.account_id} does not exist any more")
        return Venue(venue)

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────
    def _lock(self) -> tuple[Account, PaperAccount]:
        account = Account.objects.filter(pk=self.account_id).first()
        if account is None:
            raise AccountUnusable(f"paper account {self.account_id} does not exist any more")
        row = PaperAccount.objects.select_for_update().filter(pk=account.pk).first()
        if row is None:
            row, made = PaperAccount.objects.select_for_update().get_or_create(
                pk=account.pk, defaults={"hedge": account.hedge_mode, "funding_at": next_funding(clock.now())}
            )
            if made:
                PaperBalance.objects.bulk_create(
                    PaperBalance(account=account, asset=asset, total=Decimal(str(total)))
                    for asset, total in account.paper_balances.items()
                )
        return account, row

    def _load(self, account: Account, row: PaperAccount, symbols: Collection[str]) -> paper.State:
        orders = PaperOrder.objects.filter(account=account, open=True).order_by("number")
        resting = tuple(mapping.order_of(order) for order in orders)
        holdings = {
            (held.symbol, PositionSide(held.position_side)): mapping.holding_of(held)
            for held in PaperPosition.objects.filter(account=account)
        }
        if row.hedge != account.hedge_mode and not resting and not holdings:
            row.hedge = account.hedge_mode  # as at Binance, the mode changes only while flat and without orders
        needed = {*symbols, *(order.request.symbol for order in resting), *(symbol for symbol, _ in holdings)}
        return paper.State(
            terms=paper.Terms(
                market=account.market,
                hedge=row.hedge and account.market is Market.USDM,
                maker_fee=account.maker_fee,
                taker_fee=account.taker_fee,
                slippage_bps=account.slippage_bps,
            ),
            next_number=row.next_number,
            funding_at=row.funding_at,
            wallets={wallet.asset: wallet.total for wallet in PaperBalance.objects.filter(account=account)},
            orders=resting,
            holdings=holdings,
            setups={
                setup.symbol: paper.Setup(leverage=setup.leverage, margin_type=MarginType(setup.margin_type))
                for setup in PaperSetup.objects.filter(account=account, symbol__in=needed)
            },
            rules=_rules(account.venue, needed),
            markets={
                price.symbol: mapping.view_of(price)
                for price in PaperPrice.objects.filter(market=account.market, symbol__in=needed)
            },
        )

    # ── writing the differences ───────────────────────────────────────────────────────────────────────────────
    def _save(self, row: PaperAccount, before: paper.State, step: paper.Step) -> None:
        after = step.state
        row.next_number, row.funding_at = after.next_number, after.funding_at
        if step.changed or step.events or after != before:
            row.save()
        mine = {"account_id": self.account_id}
        _upsert(
            PaperBalance(asset=asset, total=total, **mine)
            for asset, total in _differences(before.wallets, after.wallets)
        )
        _upsert(
            PaperSetup(symbol=symbol, leverage=setup.leverage, margin_type=setup.margin_type, **mine)
            for symbol, setup in _differences(before.setups, after.setups)
        )
        _upsert(
            PaperPosition(
                symbol=key[0], position_side=key[1], quantity=held.quantity, cost=held.cost,
                isolated_margin=held.isolated_margin, **mine,
            )
            for key, held in _differences(before.holdings, after.holdings)
        )  # fmt: skip
        for symbol, position_side in before.holdings.keys() - after.holdings.keys():
            PaperPosition.objects.filter(symbol=symbol, position_side=position_side, **mine).delete()
        # Ended orders first: an id that became free may be taken again in the same step.
        for still_open in (False, True):
            _upsert(mapping.order_row(self.account_id, order) for order in step.changed if order.open is still_open)
        PaperFill.objects.bulk_create(mapping.fill_row(self.account_id, booked) for booked in step.fills)
        PaperIncome.objects.bulk_create(
            mapping.income_row(self.account_id, event) for event in step.events if isinstance(event, IncomeReport)
        )
        PaperEvent.objects.bulk_create(mapping.event_row(self.account_id, event) for event in step.events)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────
    def _answer(self, before: paper.State, step: paper.Step, number: int) -> StoredOrder:
        if number < before.next_number:
            return self._with_fills(PaperOrder.objects.get(account=self.account_id, number=number))
        order = next(order for order in step.changed if order.number == number)
        fills = tuple(booked.fill for booked in step.fills if booked.order_number == number)
        return StoredOrder(order=order, report=paper.report_of(order, fills))

    def _with_fills(self, row: PaperOrder) -> StoredOrder:
        order = mapping.order_of(row)
        fills = PaperFill.objects.filter(account=self.account_id, order_number=row.number).order_by("number")
        return StoredOrder(order=order, report=paper.report_of(order, tuple(mapping.fill_of(fill) for fill in fills)))

    @staticmethod
    def _reading(look: Callable[[], OutcomeT]) -> OutcomeT:
        try:
            return look()
        except (NotSent, OutcomeUnknown) as exc:
            raise QueryFailed(str(exc)) from exc
        except (OperationalError, InterfaceError) as exc:
            raise QueryFailed(f"the paper venue's database does not answer: {exc}") from exc


def committed(work: Callable[[], OutcomeT]) -> OutcomeT:
    """Run work in a transaction of its own, again a few times if the database had to refuse it.

    Raises NotSent when it was never committed, OutcomeUnknown when the commit itself failed.
    """
    for attempt in range(1, ATTEMPTS + 1):
        done = False
        try:
            with transaction.atomic(durable=True):
                outcome = work()
                done = True
            return outcome
        except (OperationalError, InterfaceError) as exc:
            if done:
                raise OutcomeUnknown(f"the paper venue's database broke off while committing: {exc}") from exc
            if attempt == ATTEMPTS:
                raise NotSent(f"the paper venue's database refuses: {exc}", code="-1001") from exc
            log.warning("paper transaction refused, attempt %s: %s", attempt, exc)
            if not connection.in_atomic_block:
                # Only if broken: a lane's lock may hang on this connection, and a pool would keep both alive.
                with suppress(DatabaseError):
                    if connection.connection is not None and not connection.is_usable():
                        connection.close()
            time.sleep(PAUSE_S * attempt)
    raise AssertionError("unreachable")


def _price(venue: Venue, symbol: str) -> PaperPrice | None:
    row = PaperPrice.objects.filter(market=venue.market, symbol=symbol).first()
    shipped = instrument_files.find(venue, symbol) if row is None else None
    if shipped and settings.PAPER_PRICES == "walk":
        # The walk has not begun yet: it will go on from here.
        price = shipped.start_price
        row, _ = PaperPrice.objects.get_or_create(
            market=venue.market, symbol=symbol,
            defaults={"bid": price, "ask": price, "last": price, "mark": price, "at": clock.now()},
        )  # fmt: skip
    return row


def _differences(before: Mapping[KeyT, ValueT], after: Mapping[KeyT, ValueT]) -> list[tuple[KeyT, ValueT]]:
    return [(key, value) for key, value in after.items() if before.get(key) != value]


def _upsert(rows: Iterable[Model]) -> None:
    """Insert rows or update those that exist, in one statement."""
    rows = list(rows)
    if not rows:
        return
    key = KEYS[type(rows[0])]
    others = [
        field.name for field in type(rows[0])._meta.concrete_fields if not field.primary_key and field.name not in key
    ]
    type(rows[0])._default_manager.bulk_create(
        rows, update_conflicts=True, unique_fields=list(key), update_fields=others
    )


def _rules(venue: str, symbols: Iterable[str]) -> dict[str, InstrumentRules]:
    """Return the rules of symbols: our rows, and for symbols without one the file that is shipped."""
    wanted = set(symbols)
    rules = {row.symbol: row.rules() for row in Instrument.objects.filter(venue=venue, symbol__in=wanted)}
    for symbol in wanted - rules.keys():
        shipped = instrument_files.find(venue, symbol)
        if shipped:
            rules[symbol] = shipped.rules
    return rules
