"""What monitoring asks: is the service up, and which part of it is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchange.models import Account, HouseState
from ledger.models import Lane
from signals.models import Signal
from tvtrader import __version__
from tvtrader.pulse import list_living

Check = dict[str, Any]
OVERDUE = timedelta(seconds=5)
CLOCK_TOLERANCE_S = 1.0
BROKER_TIMEOUT_S = 1.0


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database answers, else 503; says nothing more to strangers."""
    try:
        check_database()
    except DatabaseError:
        return JsonResponse({"status": "down"}, status=503)
    return JsonResponse({"status": "ok"})


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is and where its doors are."""
    return JsonResponse(
        {
            "service": "tvtrader",
            "version": __version__,
            "links": {
                "console": "/admin/",
                "api": "/api/v1/",
                "docs": "/api/v1/docs/",
                "health": "/health",
                "health_check": "/health-check",
            },
        }
    )


class HealthCheck(APIView):
    """Every part of the service with its numbers; 503 if one is broken. Administrators only."""

    permission_classes = (IsAdminUser,)
    schema = None

    def get(self, request: Request) -> Response:
        checks = run_all()
        healthy = all(check["ok"] for check in checks.values())
        body = {"status": "ok" if healthy else "degraded", "version": __version__, "checks": checks}
        return Response(body, status=200 if healthy else 503)


def run_all() -> dict[str, Check]:
    """Run every check; one that raises is broken, and says with what."""
    checks: dict[str, Callable[[], Check]] = {
        "database": check_database,
        "broker": check_broker,
        "workers": check_workers,
        "streams": check_streams,
        "accounts": check_accounts,
        "backlog": check_backlog,
        "clock": check_clock,
    }
    return {name: _guarded(check) for name, check in checks.items()}


def _guarded(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except (DatabaseError, redis.RedisError, OSError) as exc:
        return {"ok": False, "error": type(exc).__name__}


def check_database() -> Check:
    """One round trip to the database."""
    began = perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return {"ok": True, "vendor": connection.vendor, "ms": _milliseconds(began)}


def check_broker() -> Check:
    """One round trip to Redis, which only speeds work up: without it the sweepers do the work."""
    if not settings.REDIS_URL:
        return {"ok": True, "kind": "in-process"}
    began = perf_counter()
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=BROKER_TIMEOUT_S, socket_connect_timeout=BROKER_TIMEOUT_S
    )
    try:
        client.ping()
    finally:
        client.close()
    return {"ok": True, "kind": "redis", "ms": _milliseconds(began)}


def check_workers() -> Check:
    """At least one process has a living sweeper, and none has a dead one."""
    return _check_part("sweeper")


def check_streams() -> Check:
    """At least one process listens to the venues."""
    return _check_part("streams")


def _check_part(part: str) -> Check:
    rows = [pulse for pulse in list_living(now=timezone.now()) if part in pulse.parts]
    processes = [{"name": row.name, "alive": row.parts[part], "seen_at": row.seen_at} for row in rows]
    return {"ok": bool(rows) and all(row.parts[part] for row in rows), "processes": processes}


def check_accounts() -> Check:
    """The switches of the house and of each account; a halted account is a decision, not a fault."""
    accounts = [
        {
            "name": row.name,
            "venue": row.venue,
            "environment": row.environment,
            "enabled": row.enabled,
            "state": row.state,
        }
        for row in Account.objects.all()
    ]
    return {"ok": True, "house": HouseState.get().state, "accounts": accounts}


def check_backlog() -> Check:
    """No accepted alert waits longer than a few seconds for its worker."""
    late = timezone.now() - OVERDUE
    received = Signal.objects.filter(status=Signal.Status.RECEIVED, received_at__lt=late, lane__isnull=False)
    signals = received.count()
    lanes = Lane.objects.filter(wake_at__lt=late).count()
    return {"ok": signals == 0 and lanes == 0, "signals_late": signals, "lanes_late": lanes}


def check_clock() -> Check:
    """Our clock and the database server's agree; on SQLite they are the same one."""
    ours = datetime.now(UTC)
    difference = 0.0
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            difference = (cursor.fetchone()[0] - ours).total_seconds()
    ok = abs(difference) <= CLOCK_TOLERANCE_S
    return {"ok": ok, "now": ours, "database_ahead_ms": round(difference * 1000, 1)}


def _milliseconds(began: float) -> float:
    return round((perf_counter() - began) * 1000, 2)
