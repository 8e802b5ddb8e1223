from __future__ import annotations

from signals.throttle import Throttle


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(**how: float) -> tuple[Throttle, Clock]:
    clock = Clock()
    return Throttle(burst=3, per_second=0.5, clock=clock, **how), clock  # type: ignore[arg-type]


def test_a_burst_is_allowed_and_then_one_in_two_seconds() -> None:
    throttle, clock = make()

    assert [throttle.allows("6.6.6.6") for _ in range(5)] == [True, True, True, False, False]
    clock.now += 2
    assert [throttle.allows("6.6.6.6") for _ in range(2)] == [True, False]
    clock.now += 3600
    assert [throttle.allows("6.6.6.6") for _ in range(4)] == [True, True, True, False]


def test_sources_do_not_pay_for_each_other() -> None:
    throttle, _ = make()

    for _ in range(9):
        throttle.allows("6.6.6.6")

    assert throttle.allows("6.6.6.7")


def test_a_whole_ipv6_network_is_one_source() -> None:
    throttle, _ = make()

    assert [throttle.allows(f"2001:db8:0:1::{n}") for n in range(4)] == [True, True, True, False]
    assert throttle.allows("2001:db8:0:2::1")


def test_memory_stays_bounded() -> None:
    throttle, _ = make(most=100)

    for n in range(1000):
        throttle.allows(f"10.0.{n // 250}.{n % 250}")

    assert len(throttle._buckets) == 100
