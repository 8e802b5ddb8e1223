"""The two databases that the house knows, with the options that were measured for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tvtrader.environment import Environment

SQLITE_ENGINE = "tvtrader.db.sqlite3_fair"
# A host that died must not keep its advisory lock for the two hours of TCP's defaults.
POSTGRES_SESSION = "-c tcp_keepalives_idle=30 -c tcp_user_timeout=15000"


def sqlite(home: Path) -> dict[str, Any]:
    """Return the settings of the embedded database; makes its directory."""
    (home / "var").mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": SQLITE_ENGINE,
        "NAME": str(home / "var" / "tvtrader.sqlite3"),
        "CONN_MAX_AGE": None,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            "timeout": 20,
            # A transaction that reads first and writes later must hold the write lock from its start.
            "transaction_mode": "IMMEDIATE",
            # NORMAL may lose acknowledged rows at power loss.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
        "TEST": {"NAME": str(home / "var" / "test.sqlite3")},
    }


def postgres(url: dict[str, Any], *, role: str, concurrency: int) -> dict[str, Any]:
    """Return the settings for PostgreSQL: lasting connections in the web, a pool in workers.

    Celery closes Django's connections around every task, so a worker without a pool reconnects all the time.
    """
    # A webhook has three seconds: a host that does not answer must be given up before that.
    options: dict[str, Any] = {"options": POSTGRES_SESSION, "connect_timeout": 2, **url.get("OPTIONS", {})}
    if role == "worker":
        # min_size 0: stale connections of a restarted server would otherwise each wait through a back-off.
        options["pool"] = {"min_size": 0, "max_size": concurrency + 6, "timeout": 5}
    return {
        **url,
        "CONN_MAX_AGE": 0 if role == "worker" else 600,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": options,
    }


def from_environment(env: Environment, *, home: Path, role: str, concurrency: int) -> dict[str, Any]:
    """Return the default database: what DATABASE_URL names, else SQLite in home."""
    if not env.str("DATABASE_URL", default=""):
        return sqlite(home)
    url: dict[str, Any] = env.db_url("DATABASE_URL")
    if "postgresql" in url["ENGINE"]:
        return postgres(url, role=role, concurrency=concurrency)
    if "sqlite" in url["ENGINE"]:
        return {**sqlite(home), "NAME": url["NAME"]}
    raise ValueError(
        f"DATABASE_URL names {url['ENGINE']}: use postgres://user:password@host:5432/name or sqlite:///file"
    )
