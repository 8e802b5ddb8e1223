"""A random walk on the tick grid: the same seed, symbol and number of steps always make the same move."""

from __future__ import annotations

import hashlib
from decimal import ROUND_FLOOR, Decimal

# The largest move of one step as a fraction of the price: about 1 % per hour at four steps a second.
MAX_MOVE = Decimal("0.0002")
LEAST_TICKS = 10
_HALF = 1 << 63


def step(*, seed: int, name: str, steps: int, price: Decimal, tick_size: Decimal) -> Decimal:
    """Return the price (quote per base) after one more step; name and steps say whose and which."""
    digest = hashlib.blake2b(f"{seed}:{name}:{steps}".encode(), digest_size=16).digest()
    direction = Decimal(int.from_bytes(digest[:8], "big") - _HALF) / _HALF  # from -1 to 1
    chance = Decimal(int.from_bytes(digest[8:], "big")) / (2 * _HALF)  # from 0 to 1
    # A move smaller than a tick happens with the probability of its size, so that cheap coins walk as wide as others.
    ticks = (price * MAX_MOVE * direction / tick_size + chance).to_integral_value(rounding=ROUND_FLOOR)
    return max(price + ticks * tick_size, LEAST_TICKS * tick_size)
