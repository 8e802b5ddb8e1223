"""What the paper venue needs of a database, handed in so that the venue knows none."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from exchange.adapters.paper.state import MarketView, PaperOrder, State, Step
from exchange.types import FillReport, IncomeReport, InstrumentRules, OrderReport

Decide = Callable[[State], Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """An order with all of its fills."""

    order: PaperOrder
    report: OrderReport


class PaperStore(Protocol):
    """Rows of one paper account.

    Raises NotSent when nothing was committed, OutcomeUnknown when a commit may or may not have happened, and
    QueryFailed when a read failed.
    """

    def change(self, decide: Decide, *, symbols: Collection[str]) -> tuple[StoredOrder, ...]:
        """Lock the account, decide on its state and commit the step, all in one transaction; return its answer.

        symbols: those whose rules and prices are needed besides the ones with open orders and positions. What
        decide raises is passed on, with nothing committed.
        """
        ...

    def read(self, *, symbols: Collection[str] = ()) -> State: ...

    def rules(self) -> tuple[InstrumentRules, ...]:
        """Return the venue's instruments."""
        ...

    def view(self, symbol: str) -> MarketView | None: ...

    def find(self, client_order_id: str, symbol: str) -> StoredOrder | None:
        """Return the newest order of that id."""
        ...

    def fills(self, symbol: str, since: datetime) -> tuple[FillReport, ...]: ...

    def incomes(self, since: datetime) -> tuple[IncomeReport, ...]: ...
