"""Fakes that several test packages share: an exchange client whose calls fail on demand and are written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import Any, TypeVar

from exchange.errors import ExchangeError, NotSent, OrderRejected, OutcomeUnknown, QueryFailed
from exchange.port import ExchangeClient
from exchange.types import (
    Balance,
    Capabilities,
    FillReport,
    IncomeReport,
    InstrumentRules,
    MarginType,
    OrderRef,
    OrderReport,
    OrderRequest,
    PositionMode,
    Quote,
    VenuePosition,
)

ResultT = TypeVar("ResultT")
ORDERS = ("submit_order", "submit_oco", "cancel_order")


class Kind(StrEnum):
    """How a call goes wrong."""

    LOSE_REQUEST = "LOSE_REQUEST"  # not executed, raises OutcomeUnknown
    LOSE_ANSWER = "LOSE_ANSWER"  # executed, raises OutcomeUnknown
    NOT_SENT = "NOT_SENT"  # not executed, raises NotSent
    REJECT = "REJECT"  # not executed, raises OrderRejected
    FAIL_QUERY = "FAIL_QUERY"  # a read that raises QueryFailed
    HIDE = "HIDE"  # get_order finds nothing, list_open_orders leaves everything out: the venue's lag
    DIE_BEFORE = "DIE_BEFORE"  # not executed, the process "dies"
    DIE_AFTER = "DIE_AFTER"  # executed, the process "dies"


class Killed(BaseException):
    """Stands for the death of the process: no handler of ordinary errors may catch it."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """A call that goes wrong. nth: which matching call, from 1; times: how many in a row; match: which of them count.

    error: what REJECT raises instead of a plain refusal. before: called when the fault strikes.
    """

    method: str
    kind: Kind
    nth: int = 1
    times: int = 1
    match: Callable[[tuple[Any, ...]], bool] = lambda _: True
    error: ExchangeError | None = None
    before: Callable[[], None] | None = None
    seen: int = 0

    def strikes(self, method: str, arguments: tuple[Any, ...]) -> bool:
        if method != self.method or not self.match(arguments):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it was made, and how it ended: "ok" or the name of what was raised."""

    method: str
    arguments: tuple[Any, ...]
    outcome: str
    fault: Kind | None = None


@dataclass(slots=True)
class FaultPlan:
    """The faults to come; thread-safe."""

    faults: list[Fault] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    def next(self, method: str, arguments: tuple[Any, ...]) -> Fault | None:
        with self.lock:
            struck = [fault for fault in self.faults if fault.strikes(method, arguments)]
        return struck[0] if struck else None


class FaultyClient:
    """Wraps a client: `fail("submit_order", Kind.LOSE_ANSWER)` breaks its next order; `journal` keeps every call."""

    def __init__(self, inner: ExchangeClient, faults: Iterable[Fault] = ()) -> None:
        self.inner = inner
        self.plan = FaultPlan(list(faults))
        self.journal: list[Call] = []

    def fail(self, method: str, kind: Kind, **options: Any) -> Fault:
        fault = Fault(method=method, kind=kind, **options)
        with self.plan.lock:
            self.plan.faults.append(fault)
        return fault

    def calls(self, *methods: str) -> list[Call]:
        """Return the calls of these methods, in the order in which they ended."""
        return [call for call in self.journal if call.method in methods]

    def sent(self) -> list[OrderRequest]:
        """Return every order that was handed to the venue or on its way there, lost ones too."""
        requests: list[OrderRequest] = []
        for call in self.journal:
            if call.method in ("submit_order", "submit_oco"):
                requests.extend(call.arguments)
        return requests

    # ── the port ──────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    def load_instruments(self) -> tuple[InstrumentRules, ...]:
        return self._call("load_instruments", self.inner.load_instruments)

    def get_quote(self, symbol: str) -> Quote:
        return self._call("get_quote", self.inner.get_quote, symbol)

    def get_balances(self) -> tuple[Balance, ...]:
        return self._call("get_balances", self.inner.get_balances)

    def get_positions(self, symbol: str | None = None) -> tuple[VenuePosition, ...]:
        return self._call("get_positions", self.inner.get_positions, symbol)

    def get_position_mode(self) -> PositionMode:
        return self._call("get_position_mode", self.inner.get_position_mode)

    def set_leverage(self, symbol: str, leverage: int) -> None:
        self._call("set_leverage", self.inner.set_leverage, symbol, leverage)

    def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        self._call("set_margin_type", self.inner.set_margin_type, symbol, margin_type)

    def submit_order(self, request: OrderRequest) -> OrderReport:
        return self._call("submit_order", self.inner.submit_order, request)

    def submit_oco(self, target: OrderRequest, stop: OrderRequest) -> tuple[OrderReport, OrderReport]:
        return self._call("submit_oco", self.inner.submit_oco, target, stop)

    def cancel_order(self, ref: OrderRef) -> OrderReport:
        return self._call("cancel_order", self.inner.cancel_order, ref)

    def get_order(self, ref: OrderRef) -> OrderReport | None:
        return self._call("get_order", self.inner.get_order, ref, hidden=lambda: None)

    def list_open_orders(self, symbol: str | None = None) -> tuple[OrderReport, ...]:
        return self._call("list_open_orders", self.inner.list_open_orders, symbol, hidden=tuple)

    def list_fills(self, symbol: str, since: datetime) -> tuple[FillReport, ...]:
        return self._call("list_fills", self.inner.list_fills, symbol, since, hidden=tuple)

    def list_incomes(self, since: datetime) -> tuple[IncomeReport, ...]:
        return self._call("list_incomes", self.inner.list_incomes, since, hidden=tuple)

    def _call(
        self, method: str, call: Callable[..., ResultT], *arguments: Any, hidden: Callable[[], Any] | None = None
    ) -> ResultT:
        fault = self.plan.next(method, arguments)
        kind = fault.kind if fault else None
        if fault and fault.before:
            fault.before()
        outcome = "ok"
        try:
            if fault is not None:
                self._refuse(fault, method)
            result = call(*arguments) if kind is not Kind.HIDE or hidden is None else hidden()
            if kind is Kind.LOSE_ANSWER:
                raise OutcomeUnknown(f"the answer of {method} was lost")
            if kind is Kind.DIE_AFTER:
                raise Killed(method)
            return result
        except BaseException as exc:
            outcome = type(exc).__name__
            raise
        finally:
            self.journal.append(Call(method=method, arguments=arguments, outcome=outcome, fault=kind))

    @staticmethod
    def _refuse(fault: Fault, method: str) -> None:
        if fault.kind is Kind.LOSE_REQUEST:
            raise OutcomeUnknown(f"the request of {method} was lost")
        if fault.kind is Kind.NOT_SENT:
            raise fault.error or NotSent("Service Unavailable.", code="-1008")
        if fault.kind is Kind.REJECT:
            raise fault.error or OrderRejected("refused by the test", code="-2010")
        if fault.kind is Kind.FAIL_QUERY:
            raise fault.error or QueryFailed("the venue does not answer")
        if fault.kind is Kind.DIE_BEFORE:
            raise Killed(method)
