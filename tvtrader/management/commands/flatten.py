"""Cancels our orders and closes our positions."""

from __future__ import annotations

from datetime import timedelta
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange.clock import now
from exchange.rules import plain
from ledger.domain.order_state import ENDED
from ledger.models import Strategy, Trade
from ledger.services import controls
from tvtrader.management.tables import table
from tvtrader.management.targets import Target, add_target, called, find_target, operator

PAUSE_S = 0.1
HEAD = ("trade", "account", "strategy", "symbol", "side", "held", "orders", "status")


class Command(BaseCommand):
    """Exit status 0: all closed; 1: refused by the person at the terminal, or not all closed in time.

    Orders and positions that are not of a trade of ours stay untouched. A worker has to run: this command only writes
    what is wanted and then watches.
    """

    help = "Cancel our orders and close our positions at market. Without a name: of the whole house."

    def add_arguments(self, parser: CommandParser) -> None:
        add_target(parser)
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--wait", type=float, default=30.0, metavar="SECONDS", help="how long to watch (default 30)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        target = find_target(options)
        listed = _live(target)
        if not listed:
            self.stdout.write(f"{called(target)} has no open trades: nothing to close")
            return
        rows = [
            (t.public_id, t.account, t.strategy, t.symbol, t.direction, plain(t.quantity), _resting(t), t.status)
            for t in listed
        ]
        for line in table(HEAD, rows):
            self.stdout.write(line)
        if not options["yes"] and not self._confirmed(len(listed), called(target)):
            raise CommandError("nothing was closed")
        trades = controls.flatten(target, by=operator())
        self.stdout.write(f"asked to close {len(trades)}; `halt` keeps new ones from being opened")
        self._watch([trade.pk for trade in trades], options["wait"])

    def _confirmed(self, count: int, name: str) -> bool:
        try:
            answer = input(f"Close {count} trade{'s' * (count > 1)} of {name} at market? Type yes: ")
        except EOFError:
            return False
        return answer.strip().lower() == "yes"

    def _watch(self, ids: list[int], seconds: float) -> None:
        deadline = now() + timedelta(seconds=seconds)
        open_ids = set(ids)
        while True:
            for trade in Trade.objects.filter(pk__in=open_ids).exclude(status__in=Trade.LIVE):
                self.stdout.write(f"{trade.public_id} {trade.symbol} {trade.status}")
                open_ids.discard(trade.pk)
            if not open_ids:
                self.stdout.write("all closed")
                return
            if now() >= deadline:
                raise CommandError(
                    f"{len(open_ids)} not closed yet; the close stays asked for. Does a worker run? See /health-check"
                )
            sleep(PAUSE_S)


def _live(target: Target) -> list[Trade]:
    trades = Trade.objects.filter(status__in=Trade.LIVE).select_related("account", "strategy").order_by("id")
    trades = trades.defer("account__api_key", "account__api_secret").prefetch_related("orders")
    if isinstance(target, Strategy):
        trades = trades.filter(strategy=target)
    elif target is not None:
        trades = trades.filter(account=target)
    return list(trades)


def _resting(trade: Trade) -> int:
    return sum(order.status not in ENDED for order in trade.orders.all())
