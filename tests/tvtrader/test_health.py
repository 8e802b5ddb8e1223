"""What monitoring can learn, and strangers cannot."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from tvtrader import health, pulse
from tvtrader.models import Pulse


def a_pulse(parts: dict[str, bool], name: str = "worker@a:1") -> Pulse:
    now = timezone.now()
    return Pulse.objects.create(name=name, kind="worker", parts=parts, started_at=now, seen_at=now)


@pytest.mark.django_db
def test_health_is_open_and_says_nothing_more(client: Client) -> None:
    answer = client.get("/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_is_down_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("password wrong for user trader")

    monkeypatch.setattr(health, "check_database", fail)

    answer = client.get("/health")

    assert (answer.status_code, answer.json()) == (503, {"status": "down"})


def test_the_front_door_names_the_service_and_its_links(client: Client) -> None:
    answer = client.get("/").json()

    assert answer["service"] == "tvtrader"
    assert answer["links"]["console"] == "/admin/"


@pytest.mark.django_db
def test_the_details_are_for_administrators(client: Client, admin_client: Client) -> None:
    assert client.get("/health-check").status_code in (401, 403)
    a_pulse({"sweeper": True, "streams": True})

    answer = admin_client.get("/health-check")

    assert answer.status_code == 200, answer.json()
    assert set(answer.json()["checks"]) == {
        "database", "broker", "workers", "streams", "accounts", "backlog", "clock",
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("parts", [{}, {"sweeper": False, "streams": True}])
def test_a_missing_or_dead_sweeper_degrades(admin_client: Client, parts: dict[str, bool]) -> None:
    a_pulse(parts)

    answer = admin_client.get("/health-check")

    assert answer.status_code == 503
    assert answer.json()["checks"]["workers"]["ok"] is False


@pytest.mark.django_db
def test_a_process_that_fell_silent_counts_as_gone() -> None:
    row = a_pulse({"sweeper": True, "streams": True})
    Pulse.objects.filter(pk=row.pk).update(seen_at=timezone.now() - timedelta(seconds=30))

    assert health.check_workers()["ok"] is False


@pytest.mark.django_db
def test_a_broken_check_is_named_and_does_not_break_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise ConnectionRefusedError("redis://:password@host")

    monkeypatch.setattr(health, "check_broker", fail)

    found = health.run_all()

    assert found["broker"] == {"ok": False, "error": "ConnectionRefusedError"}
    assert found["database"]["ok"] is True


@pytest.mark.django_db(transaction=True)
def test_the_sign_of_life_comes_and_goes_with_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = pulse.PulseWriter("worker", {"sweeper": lambda: True})
    writer.start()
    for _ in range(200):
        if Pulse.objects.filter(name=writer.row_name, parts={"sweeper": True}).exists():
            break
        writer.join(0.02)
    else:
        pytest.fail("no sign of life")

    writer.stop()
    writer.join(5)

    assert not Pulse.objects.exists()


@pytest.mark.django_db
def test_rows_of_processes_long_gone_are_forgotten() -> None:
    row = a_pulse({})
    Pulse.objects.filter(pk=row.pk).update(seen_at=timezone.now() - timedelta(days=2))
    a_pulse({}, "worker@b:2")

    assert pulse.forget_dead(now=timezone.now()) == 1
    assert [left.name for left in Pulse.objects.all()] == ["worker@b:2"]
