"""The demo: every dialect's endpoint plans an order from its strategy's defaults alone."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from exchange.clock import now
from exchange.paper_prices import set_price
from exchange.types import Market
from signals.dry_run import dry_run
from signals.models import Endpoint
from tests.tvtrader.configuration.texts import DEMO, DEMO_ENV
from tvtrader.configuration import apply_file

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo() -> None:
    apply_file(DEMO, env=DEMO_ENV)
    for market in (Market.USDM, Market.SPOT):
        set_price(market, "BTCUSDT", Decimal(50000))


def plan(dialect: str, **alert: Any) -> dict[str, Any]:
    endpoint = Endpoint.objects.select_related("strategy").get(dialect=dialect)
    return dry_run(endpoint=endpoint, body=json.dumps(alert).encode(), now=now())


def rows(answer: dict[str, Any]) -> dict[str, tuple[str, Decimal, Any]]:
    """Return side, quantity, and trigger or limit price (None for a market order) of each leg."""
    assert answer["outcome"] == "OPEN", answer
    found = {}
    for row in answer["orders"]:
        level = row["trigger_price"] or row["price"]
        found[row["leg"]] = (row["side"], Decimal(row["quantity"]), Decimal(level) if level else None)
    return found


# Market prices are 50000, bid and ask a little apart; quantities are chosen so that the step of 0.001 hides it.
def test_native() -> None:
    # A tenth of 10000 at 5x is 5000, or a little under 0.1: 0.099 at an ask above 50000. Half of it leaves first.
    answer = plan("native", action="entry", side="long", symbol="BTCUSDT")
    found = rows(answer)

    assert set(found) == {"entry", "sl", "tp1", "tp2"}
    side, quantity, _ = found["entry"]
    assert side == "BUY"
    assert Decimal("0.099") <= quantity <= Decimal("0.1")
    assert answer["leverage"] == 5
    assert Decimal(49490) < found["sl"][2] < Decimal(49510)
    assert Decimal(50490) < found["tp1"][2] < Decimal(50510)
    assert Decimal(50990) < found["tp2"][2] < Decimal(51010)


def test_spot() -> None:
    found = rows(plan("spot", action="buy", symbol="BTCUSDT", buy_quote_amount="1000"))

    assert list(found) == ["entry"]
    assert Decimal("0.0199") < found["entry"][1] <= Decimal("0.02")


def test_spot_sells_what_the_account_starts_with() -> None:
    answer = plan("spot", action="sell", symbol="BTCUSDT", sell_base_pct="0.5")

    assert (answer["outcome"], answer["orders"][0]["side"], answer["orders"][0]["quantity"]) == (
        "SELL",
        "SELL",
        "0.25000",
    )


def test_strategy_alert_by_its_subaccount_and_alias() -> None:
    alert = {
        "action": "buy", "message": "entry", "price": 50000, "ticker": "BTCPERP", "exchange": "BINANCE",
        "long SL": 49000, "long TP": 52000, "subaccount": "Testing",
    }  # fmt: skip

    found = rows(plan("strategy_alert", **alert))

    # 1 % of 10000 is lost over 1000 per coin: 0.1.
    assert found == {
        "entry": ("BUY", Decimal("0.1"), None),
        "sl": ("SELL", Decimal("0.1"), Decimal(49000)),
        "tp1": ("SELL", Decimal("0.1"), Decimal(52000)),
    }


def test_entry_exit() -> None:
    alert = {
        "event": "ENTRY", "signal_side": "LONG", "symbol": "BTCUSDT.P", "entry_price": 50000.0,
        "second_entry_price": 49000.0, "stop_loss": 48000.0, "take_profit": 52000.0,
    }  # fmt: skip

    answer = plan("entry_exit", **alert)

    # 10 USDT at 20x are 200: 0.004 at 50000, and 200 / 49000 = 0.00408 -> 0.004.
    found = rows(answer)
    entries = [row for leg, row in found.items() if leg not in ("sl", "tp1")]
    assert entries == [("BUY", Decimal("0.004"), Decimal(50000)), ("BUY", Decimal("0.004"), Decimal(49000))]
    assert (found["sl"][2], found["tp1"][2]) == (Decimal(48000), Decimal(52000))
    assert answer["leverage"] == 20


@pytest.mark.parametrize(
    ("action", "sl", "tp", "side"), [("LONG", 49000, 52000, "BUY"), ("SHORT", 52000, 49000, "SELL")]
)
def test_bracket(action: str, sl: int, tp: int, side: str) -> None:
    answer = plan("bracket", symbol="BTCUSDT", action=action, sl=sl, tp=tp)

    # A tenth of 10000 at 50x is 50000, about one coin, on its own side of a hedge account.
    found = rows(answer)
    assert found["entry"][0] == side
    assert Decimal("0.998") <= found["entry"][1] <= Decimal("1.001")
    assert {row["position_side"] for row in answer["orders"]} == {action}
    assert (found["sl"][2], found["tp1"][2]) == (Decimal(sl), Decimal(tp))


def test_balance_percentage() -> None:
    answer = plan(
        "balance_percentage", symbol="BTCUSDT", action="buy", balance_percentage=0.25, leverage=10, entry=50000
    )

    # A quarter of 10000 at 10x is 25000: half a coin. The stop is 1 % away, the target 2 %.
    found = rows(answer)
    assert Decimal("0.499") <= found["entry"][1] <= Decimal("0.5")
    assert Decimal(49490) < found["sl"][2] < Decimal(49510)
    assert Decimal(50990) < found["tp1"][2] < Decimal(51010)


def test_balance_percentage_keeps_its_reserve() -> None:
    answer = plan("balance_percentage", symbol="BTCUSDT", action="buy", balance_percentage=1, leverage=10, entry=50000)

    # 95 % of 10000 at 10x is 95000: 1.9 coins.
    assert Decimal("1.89") <= rows(answer)["entry"][1] <= Decimal("1.9")
