"""How fast the webhook answers: `python -m benchmarks.intake [--seconds S]`.

Runs the embedded service. First eight clients in a closed loop (each sends its next alert when the last is answered),
then bursts of 20 at once. Every alert is new and trades: `long` and `flat` in turn, so that the workers of the same
process are busy meanwhile. The time is the client's, with a connection of its own for each alert, as TradingView's.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

from benchmarks.bench import DOORS, HEAD, LANES, line, machine, running_service
from tests.process.service import Service

CLIENTS = 8
BURST = 20
BURSTS = 15
PAUSE_S = 1.0
_numbers = count(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="length of the closed loop (default 20)")
    seconds = parser.parse_args().seconds
    print(machine())
    with running_service() as service:
        for number in range(len(LANES)):
            post(service, number)
        looped = closed_loop(service, seconds)
        bursts = [took for number in range(BURSTS) for took in burst(service, number)]
    print(f"\n{HEAD}")
    print(line(f"{CLIENTS} clients in a closed loop, {len(looped) / seconds:.0f} alerts/s", looped))
    print(line(f"{BURSTS} bursts of {BURST}", bursts))


def post(service: Service, lane: int) -> float:
    """Deliver the next alert of a lane and return how long its answer took, in seconds."""
    account, symbol = LANES[lane % len(LANES)]
    number = next(_numbers)
    action = "long" if number // len(LANES) % 2 else "flat"
    began = time.monotonic()
    answer = service.post(DOORS[account], {"action": action, "symbol": symbol, "id": f"intake-{number}"})
    took = time.monotonic() - began
    if answer.status != 202:
        raise SystemExit(f"an alert was answered {answer}")
    return took


def closed_loop(service: Service, seconds: float) -> list[float]:
    until = time.monotonic() + seconds

    def client(lane: int) -> list[float]:
        taken = []
        while time.monotonic() < until:
            taken.append(post(service, lane))
        return taken

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [took for client_times in pool.map(client, range(CLIENTS)) for took in client_times]


def burst(service: Service, number: int) -> list[float]:
    """Deliver 20 alerts at the same moment, then let the workers come to rest."""
    start = Barrier(BURST)

    def one(lane: int) -> float:
        start.wait(10)
        return post(service, lane)

    with ThreadPoolExecutor(BURST) as pool:
        taken = list(pool.map(one, range(number, number + BURST)))
    time.sleep(PAUSE_S)
    return taken


if __name__ == "__main__":
    main()
