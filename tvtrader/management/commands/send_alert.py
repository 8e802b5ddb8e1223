"""Posts an alert to the running service and follows it to its end."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import sleep
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange.clock import now
from exchange.rules import plain
from exchange.types import OrderStatus
from ledger.models import Order
from signals.models import Signal
from signals.timeline import timeline
from tvtrader.environment import Environment
from tvtrader.management.alerts import addressed, find_endpoint, read_alert
from tvtrader.management.tables import table

PAUSE_S = 0.05
ANSWER_S = 10.0
UNDER_WAY = (Signal.Status.RECEIVED, Signal.Status.PLANNED)
UNSETTLED = (OrderStatus.INITIALIZED, OrderStatus.SUBMITTING, OrderStatus.UNKNOWN)
COLUMNS = ("client order id", "type", "side", "quantity", "price", "trigger", "status", "filled", "average")


class Command(BaseCommand):
    """Exit status 0: done or waiting for a person; 1: refused or failed; 2: used wrongly; 3: not ended in time."""

    help = "Post an alert to the running service and follow it to its end, printing each stage."

    def add_arguments(self, parser: CommandParser) -> None:
        host = "127.0.0.1" if settings.HOST in ("0.0.0.0", "::") else settings.HOST  # noqa: S104  # compared, not bound
        parser.add_argument("endpoint", help="the endpoint's name")
        parser.add_argument("file", help="the alert's text; - reads standard input")
        parser.add_argument("--url", default=f"http://{host}:{settings.PORT}", help="the service (default %(default)s)")
        parser.add_argument("--secret-env", metavar="NAME", help="variable with the endpoint's secret")
        parser.add_argument(
            "--wait", type=float, default=30.0, metavar="SECONDS", help="how long to follow (default 30)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        endpoint = find_endpoint(options["endpoint"])
        path, body = addressed(
            read_alert(options["file"]),
            endpoint=endpoint.name,
            secret_env=options["secret_env"],
            env=Environment.ENVIRON,
        )
        answer = self._post(options["url"].rstrip("/"), path, body)
        signal = _stored(answer)
        if signal is None:
            raise SystemExit(1)
        self._follow(signal, options["wait"])

    def _post(self, url: str, path: str, body: bytes) -> dict[str, Any]:
        try:
            response = requests.post(
                url + path,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=ANSWER_S,
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            raise CommandError(
                f"no answer from {url} ({type(exc).__name__}); does the service run?", returncode=2
            ) from None
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            answer = {}
        if not isinstance(answer, dict):
            answer = {}
        self.stdout.write(f"{response.status_code} {_summary(response.status_code, answer)}")
        return answer

    def _follow(self, signal: Signal, seconds: float) -> None:
        deadline = now() + timedelta(seconds=seconds)
        told: set[str] = set()
        while True:
            signal = _read(signal.pk)
            settled = _settled(signal)
            for step in timeline(signal):
                if step.stage not in told:
                    told.add(step.stage)
                    self.stdout.write(f"{_clock(step.at, signal.received_at)}  {step.stage}")
            if settled or now() >= deadline:
                break
            sleep(PAUSE_S)
        self._conclude(signal, settled)

    def _conclude(self, signal: Signal, settled: bool) -> None:
        self.stdout.write(
            f"{signal.status} {signal.reason_code}".rstrip() + (f": {signal.reason}" if signal.reason else "")
        )
        if signal.remedy:
            self.stdout.write(f"remedy: {signal.remedy}")
        orders = [] if signal.trade is None else list(Order.objects.filter(trade=signal.trade).order_by("id"))
        if orders:
            for line in table(COLUMNS, [_row(order) for order in orders]):
                self.stdout.write(line)
        if not settled:
            self.stderr.write("not at its end yet; does a worker run? See /health-check")
            raise SystemExit(3)
        if signal.status not in (Signal.Status.DONE, Signal.Status.AWAITING_APPROVAL, Signal.Status.DUPLICATE):
            raise SystemExit(1)


def _stored(answer: dict[str, Any]) -> Signal | None:
    number = answer.get("signal")
    return Signal.objects.filter(pk=number).first() if isinstance(number, int) else None


def _summary(status: int, answer: dict[str, Any]) -> str:
    if answer.get("duplicate"):
        return f"duplicate of signal {answer.get('signal')}"
    error = answer.get("error")
    if isinstance(error, dict):
        field = f" ({error['field']})" if error.get("field") else ""
        return f"{error.get('code')}{field}: {error.get('message')}" + (
            f"; {error['remedy']}" if error.get("remedy") else ""
        )
    if status == 401:
        return "the endpoint refuses the secret"
    return (
        f"signal {answer['signal']} {answer.get('status', '')}".rstrip()
        if "signal" in answer
        else "no signal was stored"
    )


def _read(number: int) -> Signal:
    rows = Signal.objects.select_related("trade").prefetch_related("trade__orders__fills")
    return rows.get(pk=number)


def _settled(signal: Signal) -> bool:
    """Tell whether nothing more is to be waited for: the signal has ended and the venue knows every order."""
    if signal.status in UNDER_WAY:
        return False
    return signal.trade is None or not any(order.status in UNSETTLED for order in signal.trade.orders.all())


def _clock(at: datetime, start: datetime) -> str:
    return f"{at:%H:%M:%S.%f}  {(at - start).total_seconds() * 1000:+9.1f} ms"


def _row(order: Order) -> list[object]:
    numbers = (order.quantity, order.price, order.trigger_price, order.filled_quantity, order.average_price)
    quantity, price, trigger, filled, average = (None if number is None else plain(number) for number in numbers)
    return [order.client_order_id, order.type, order.side, quantity, price, trigger, order.status, filled, average]
