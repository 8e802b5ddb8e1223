"""The refusal that planning rules raise, and how numbers are written in the sentences that people read."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from exchange.rules import tidy

CENT = Decimal("0.01")


class Refusal(Exception):
    """The alert is not carried out. code is stable, reason has the numbers, remedy says what to change."""

    def __init__(self, code: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.remedy = remedy


def number(value: Decimal) -> str:
    """Write a decimal for people: plain digits, at most eight significant ones after a cut that says so."""
    cut = value if abs(value.adjusted()) > 12 or value == 0 else _cut(value)
    text = tidy(cut)
    return text if cut == value else f"{text}…"


def money(value: Decimal, asset: str) -> str:
    """Write an amount with its asset, in at least two decimal places."""
    text = number(value)
    if not text.endswith("…"):
        whole, _, decimals = text.partition(".")
        text = f"{whole}.{decimals:0<2}"
    return f"{text} {asset}"


def percent(value: Decimal) -> str:
    """Write a percentage, rounded to two decimal places."""
    return f"{tidy(value.quantize(CENT, rounding=ROUND_HALF_EVEN)) if abs(value.adjusted()) < 20 else tidy(value)} %"


def _cut(value: Decimal) -> Decimal:
    exponent = min(0, value.adjusted() - 7)
    return value.quantize(Decimal(1).scaleb(exponent), rounding="ROUND_DOWN")
