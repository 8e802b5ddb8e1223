"""What can be known to be wrong with an intent before any market data is looked at.

Only entries answer for their levels, leverage and age: nothing here may ever hold back an exit.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from exchange.rules import tidy
from exchange.types import Direction, Market, OrderType
from signals.intents import Intent, TargetSpec
from signals.problems import STALE, Problem

FUTURE = timedelta(minutes=5)


def check_entry(
    intent: Intent, *, market: Market, max_leverage: int, max_age_s: int, now: datetime, names: dict[str, str]
) -> None:
    """Refuse an opening intent that contradicts itself or its strategy's limits; raises Problem with the numbers.

    now: when the alert arrived. names: the alert's own names of `stop`, `target`, `leverage` and `time`.
    """
    _check_time(intent.at, max_age_s=max_age_s, now=now, name=names.get("time", "time"))
    _check_leverage(intent.leverage, market=market, most=max_leverage, name=names.get("leverage", "leverage"))
    direction = intent.direction
    if direction is Direction.SHORT and market is Market.SPOT:
        raise Problem(
            "SHORT_ON_SPOT",
            "action",
            "a short can't be opened on a spot account",
            "Send the alert to a futures strategy.",
        )
    if intent.order_type is OrderType.LIMIT and intent.price is None:
        raise Problem(
            "MISSING_FIELD", names.get("price", "price"), "a limit entry needs a price", "Send the limit price."
        )
    if direction is not None:
        _check_levels(intent, direction, stop_name=names.get("stop", "stop"), target_name=names.get("target", "target"))
    _check_shares(intent.targets, names.get("target", "targets"))


def _check_time(at: datetime | None, *, max_age_s: int, now: datetime, name: str) -> None:
    if at is None:
        return
    age = (now - at).total_seconds()
    if age > max_age_s:
        raise Problem(
            STALE, name, f"the alert is from {at.isoformat()}: {age:.0f} s old, {max_age_s} s is the strategy's limit",
            "Send {{timenow}} as the time ({{time}} is the bar's opening), or raise the strategy's maximum age.",
        )  # fmt: skip
    if -age > FUTURE.total_seconds():
        raise Problem(
            "TIME_IN_FUTURE", name, f"the alert is from {at.isoformat()}, {-age:.0f} s ahead of us",
            "Send times in UTC, and check this machine's clock.",
        )  # fmt: skip


def _check_leverage(leverage: int | None, *, market: Market, most: int, name: str) -> None:
    if leverage is None:
        return
    if market is Market.SPOT and leverage > 1:
        raise Problem("LEVERAGE_ON_SPOT", name, f"leverage {leverage} on a spot account", "Leave leverage out.")
    if market is not Market.SPOT and leverage > most:
        raise Problem(
            "LEVERAGE_ABOVE_MAXIMUM", name, f"leverage {leverage} is above the strategy's maximum {most}",
            "Ask for less, or raise the strategy's max_leverage.",
        )  # fmt: skip


def _check_levels(intent: Intent, direction: Direction, *, stop_name: str, target_name: str) -> None:
    entries = [price for price in (intent.price, intent.second_price) if price is not None]
    stop = intent.stop_price
    for price in entries if stop is not None else []:
        _check_stop(stop, price, direction, stop_name)
    below, above = ("below", "above") if direction is Direction.LONG else ("above", "below")
    for target in intent.targets:
        if target.pct is not None and direction is Direction.SHORT and target.pct >= 100:
            raise Problem(
                "PERCENT_OUT_OF_RANGE", target_name, f"a short can't have a target {tidy(target.pct)} percent below",
                "Send less than 100.",
            )  # fmt: skip
        if target.price is None:
            continue
        wrong = [price for price in entries if (target.price - price) * direction.sign <= 0]
        if wrong:
            raise Problem(
                "TARGET_WRONG_SIDE", target_name,
                f"the {direction.lower()} target {tidy(target.price)} is not {above} the entry {tidy(wrong[0])}",
                f"A {direction.lower()} needs every target {above} every entry.",
            )  # fmt: skip
        if stop is not None and (target.price - stop) * direction.sign <= 0:
            raise Problem(
                "LEVELS_WRONG_SIDE", target_name,
                f"the {direction.lower()} stop {tidy(stop)} is not {below} the target {tidy(target.price)}",
                f"A {direction.lower()} needs its stop {below} its target.",
            )  # fmt: skip


def _check_stop(stop: Decimal | None, price: Decimal, direction: Direction, name: str) -> None:
    if stop is None or (price - stop) * direction.sign > 0:
        return
    side = "below" if direction is Direction.LONG else "above"
    if stop == price:
        raise Problem(
            "STOP_DISTANCE_ZERO", name, f"the stop {tidy(stop)} equals the entry: its distance is zero",
            f"A {direction.lower()} needs its stop {side} every entry.",
        )  # fmt: skip
    raise Problem(
        "STOP_WRONG_SIDE", name, f"the {direction.lower()} stop {tidy(stop)} is not {side} the entry {tidy(price)}",
        f"A {direction.lower()} needs its stop {side} every entry.",
    )  # fmt: skip


def _check_shares(targets: tuple[TargetSpec, ...], name: str) -> None:
    total = sum((target.share for target in targets if target.share is not None), Decimal(0))
    if total > 1:
        raise Problem(
            "SHARES_ABOVE_ONE",
            name,
            f"the targets' shares add up to {tidy(total)}, more than the position",
            "Lower them to 1.",
        )
    rests = [number for number, target in enumerate(targets) if target.share is None]
    if len(rests) > 1 or (rests and (rests[0] != len(targets) - 1 or total == 1)):
        raise Problem(
            "BAD_TARGETS", name, "only the last target can take the rest, and something must be left for it",
            "Give every target but the last a share.",
        )  # fmt: skip
