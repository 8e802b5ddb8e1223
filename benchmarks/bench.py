"""What the benchmarks share: a service in an empty home, percentiles, and the machine that was measured."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.process.service import Service, manage, new_key

HOUSE_FILE = Path(__file__).resolve().parent / "house.yaml"
ACCOUNTS = ("bench-1", "bench-2")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "LINKUSDT", "XRPUSDT", "ADAUSDT")
SECRETS = {f"BENCH_SECRET_{number}": f"benchmark-only-secret-{number}" for number in (1, 2)}
DOORS = {"bench-1": "/webhook/benchmark-only-secret-1", "bench-2": "/webhook/benchmark-only-secret-2"}
LANES = [(account, symbol) for symbol in SYMBOLS for account in ACCOUNTS]


@contextmanager
def running_service() -> Iterator[Service]:
    """Run the embedded service with the benchmarks' house in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tvtrader-bench-") as place:
        service = Service(Path(place), key=new_key()).wait_until_ready()
        try:
            applied = manage(service.home, "apply_config", str(HOUSE_FILE), **SECRETS)
            if applied.returncode:
                raise SystemExit(applied.stdout)
            yield service
        finally:
            service.stop()


@contextmanager
def database(service: Service) -> Iterator[sqlite3.Connection]:
    """Open the service's database for reading."""
    connection = sqlite3.connect(f"file:{service.home / 'var' / 'tvtrader.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share of the values does not pass."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-len(ranked) * round(share * 100) // 100) - 1))]


def line(name: str, seconds: Sequence[float]) -> str:
    """Return one row of the table, in milliseconds."""
    if not seconds:
        return f"| {name} | 0 | | | |"
    shown = " | ".join(
        f"{value * 1000:.0f}" for value in (percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds))
    )
    return f"| {name} | {len(seconds)} | {shown} |"


HEAD = "| stage | n | p50 ms | p99 ms | max ms |\n| --- | ---: | ---: | ---: | ---: |"


def machine() -> str:
    """Return what was measured on: processors, system, Python and the packages that matter."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("django", "celery", "waitress"))
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} x {_processor()}, {platform.system()} {platform.release()}, Python {sys.version.split()[0]},"
        f" SQLite {sqlite3.sqlite_version}, {packages}; load before: {load}"
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [row.partition(":")[2].strip() for row in text.splitlines() if row.startswith("model name")]
    return names[0] if names else platform.machine()
