"""The alerts that the process tests deliver: five strategies that open, add, reverse and close, over and over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import count
from pathlib import Path
from typing import Any

HOUSE_FILE = Path(__file__).resolve().parent / "house.yaml"
NAMES = ("native", "quick", "limit", "hedge", "hedge-exit", "spot")
SECRETS = {f"P_SECRET_{name.upper().replace('-', '_')}": f"process-tests-only-{name}" for name in NAMES}


def door(name: str) -> str:
    """Return the webhook's path of an endpoint in house.yaml."""
    return f"/webhook/process-tests-only-{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert and where it goes. own_id: by which its signal is found again; empty where the dialect has none."""

    path: str
    body: Mapping[str, Any]
    own_id: str = ""


class Story:
    """Makes alerts that differ from each other, at prices near the market."""

    NATIVE = ("long", "add", "short", "flat", "short", "long", "flat")
    QUICK = ("long", "short")
    SPOT = ("buy", "buy", "flat")
    HEDGE = ("LONG", "SHORT", "exit")

    def __init__(self, prices: Mapping[str, str]) -> None:
        self._prices = {symbol: Decimal(price) for symbol, price in prices.items()}
        self._number = count(1)
        self._turn = count()

    def native(self, action: str, *, lane: str = "native", symbol: str = "BTCUSDT") -> Alert:
        own_id = f"{lane}-{next(self._number)}"
        return Alert(path=door(lane), body={"action": action, "symbol": symbol, "id": own_id}, own_id=own_id)

    def round(self) -> list[Alert]:
        """Return one alert for each strategy, each going on with its own story."""
        turn = next(self._turn)
        return [
            self.native(self.NATIVE[turn % len(self.NATIVE)]),
            self.native(self.QUICK[turn // 2 % len(self.QUICK)], lane="quick", symbol="ETHUSDT"),
            self.limit(enter=turn % 2 == 0),
            self.hedge(self.HEDGE[turn % len(self.HEDGE)]),
            self.native(self.SPOT[turn % len(self.SPOT)], lane="spot", symbol="ADAUSDT"),
        ]

    def limit(self, *, enter: bool) -> Alert:
        """An entry at a limit that fills at once, with a second one that rests, or the exit from it."""
        number = next(self._number)
        common = {
            "payload_version": 1, "signal_side": "LONG", "symbol": "LINKUSDT.P", "timeframe": "2h", "_number": number,
        }  # fmt: skip
        if not enter:
            return Alert(path=door("limit"), body={**common, "event": "EXIT"})
        levels = {
            "entry_price": self._near("LINKUSDT", "1.02"), "second_entry_price": self._near("LINKUSDT", "0.97"),
            "stop_loss": self._near("LINKUSDT", "0.94"), "take_profit": self._near("LINKUSDT", "1.1"),
        }  # fmt: skip
        body = {**common, "event": "ENTRY", "order_subtype": "primary_entry", "reduce_only": False, **levels}
        return Alert(path=door("limit"), body=body)

    def hedge(self, action: str) -> Alert:
        if action == "exit":
            return self.native("exit", lane="hedge-exit", symbol="SOLUSDT")
        up, down = ("1.1", "0.9") if action == "LONG" else ("0.9", "1.1")
        # Brackets carry no id: another digit makes another alert.
        digit = Decimal(next(self._number) % 1000).scaleb(-5)
        return Alert(
            path=door("hedge"),
            body={
                "symbol": "SOLUSDT", "action": action, "sl": self._near("SOLUSDT", down),
                "tp": str(Decimal(self._near("SOLUSDT", up)) + digit),
            },
        )  # fmt: skip

    def _near(self, symbol: str, factor: str) -> str:
        return format(Context(prec=4).multiply(self._prices[symbol], Decimal(factor)), "f")
