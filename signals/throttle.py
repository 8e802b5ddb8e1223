"""Slows down sources that send wrong secrets: a token bucket each, in this process's memory.

Only failures cost a token, and only failures are refused: an alert with a right secret passes whatever its source
has done before, because TradingView's four addresses are shared by all of its users.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock


class Throttle:
    """At most `burst` failures at once and `per_second` after that, for each of the last `most` sources."""

    def __init__(
        self, *, burst: float = 20, per_second: float = 1, most: int = 4096, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._most = most
        self._clock = clock
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, source: str) -> bool:
        """Count a failure of the source; False if it has had too many lately."""
        now, key = self._clock(), _network(source)
        with self._lock:
            tokens, at = self._buckets.pop(key, (self._burst, now))
            tokens = min(self._burst, tokens + (now - at) * self._per_second)
            allowed = tokens >= 1
            self._buckets[key] = (tokens - 1 if allowed else tokens, now)
            # A flood from many addresses must not grow our memory; the longest silent are forgotten.
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return allowed

    def clear(self) -> None:
        """Forget all sources."""
        with self._lock:
            self._buckets.clear()


def _network(source: str) -> str:
    try:
        address = ip_address(source)
    except ValueError:
        return source[:64]
    # One IPv6 customer has at least a /64 to send from.
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else str(address)


failures = Throttle()
