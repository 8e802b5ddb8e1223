"""Acts of the console ask first, need the right, are audited, and do what they say."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from exchange.clock import now
from exchange.models import HouseState, TradingState
from ledger.models import Fill, Notice, Order, Trade
from signals.models import Signal
from tests.factories import (
    NoticeFactory,
    SignalFactory,
    StrategyFactory,
)
from tests.story import Story, tell

pytestmark = pytest.mark.django_db


def page(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def listing(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# ── acts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_act_asks_first_and_is_audited(console: Client, superuser: User) -> None:
    strategy = StrategyFactory(name="mean-reversion")
    url = reverse("admin:ledger_strategy_act", args=[strategy.pk, "halt"])

    asked = text(console.get(url))
    strategy.refresh_from_db()
    assert "Halt: 1 strategy" in asked
    assert strategy.state == TradingState.ACTIVE

    assert console.post(url).status_code == 302
    strategy.refresh_from_db()
    assert strategy.state == TradingState.HALTED
    assert "super" in strategy.state_reason
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (superuser, "mean-reversion")
    assert "Halt" in entry.change_message


def test_a_bulk_act_names_the_count_before_it_acts(console: Client) -> None:
    strategies = [StrategyFactory() for _ in range(3)]
    chosen = {"action": "act_halt", "_selected_action": [row.pk for row in strategies[:2]]}
    url = reverse("admin:ledger_strategy_changelist")

    asked = console.post(url, chosen)
    assert "Halt: 2 strategies" in text(asked)
    assert [type(row).objects.get(pk=row.pk).state for row in strategies] == [TradingState.ACTIVE] * 3

    console.post(url, chosen | {"confirmed": "yes"})
    after = [type(row).objects.get(pk=row.pk).state for row in strategies]
    assert after == [TradingState.HALTED, TradingState.HALTED, TradingState.ACTIVE]
    assert LogEntry.objects.count() == 2


def test_the_house_is_switched_off_and_on(console: Client) -> None:
    house = HouseState.get()

    console.post(reverse("admin:exchange_housestate_act", args=[house.pk, "halt"]))
    assert HouseState.get().state == TradingState.HALTED
    assert "HALTED" in text(console.get(reverse("admin:index")))

    console.post(reverse("admin:exchange_housestate_act", args=[house.pk, "resume"]))
    assert HouseState.get().state == TradingState.ACTIVE


def test_closing_a_trade_asks_for_its_close(console: Client, story: Story) -> None:
    url = reverse("admin:ledger_trade_act", args=[story.trade.pk, "close"])
    assert console.get(url).status_code == 200
    story.trade.refresh_from_db()
    assert story.trade.close_requested_at is None

    console.post(url)
    assert Trade.objects.get(pk=story.trade.pk).close_requested_at is not None
    assert "not possible any more" in text(console.post(url, follow=True))


def test_flattening_an_account_closes_its_trades_only(console: Client, story: Story) -> None:
    other = tell(name="other")

    console.post(reverse("admin:exchange_account_act", args=[story.trade.account_id, "flatten"]))

    story.trade.refresh_from_db()
    other.trade.refresh_from_db()
    assert story.trade.close_requested_at is not None
    assert other.trade.close_requested_at is None


def test_acts_need_the_token_of_the_form(superuser: User, story: Story) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(superuser)

    response = client.post(reverse("admin:ledger_trade_act", args=[story.trade.pk, "close"]))

    assert response.status_code == 403
    story.trade.refresh_from_db()
    assert story.trade.close_requested_at is None


def test_an_unknown_act_is_not_found(console: Client, story: Story) -> None:
    assert console.post(reverse("admin:ledger_trade_act", args=[story.trade.pk, "delete"])).status_code == 404
    assert console.post(reverse("admin:ledger_trade_act", args=[10**9, "close"])).status_code == 404


def test_approving_lets_a_waiting_signal_go_on(console: Client) -> None:
    signal = SignalFactory(status=Signal.Status.AWAITING_APPROVAL, received_at=now())
    assert {"Approve", "Reject"} <= set(text(console.get(page(signal))).split())

    console.post(reverse("admin:signals_signal_act", args=[signal.pk, "approve"]))

    signal.refresh_from_db()
    assert signal.status == Signal.Status.RECEIVED
    assert "not possible any more" in text(
        console.post(reverse("admin:signals_signal_act", args=[signal.pk, "reject"]), follow=True)
    )


def test_replaying_makes_a_new_signal(console: Client, story: Story) -> None:
    console.post(reverse("admin:signals_signal_act", args=[story.signal.pk, "replay"]))

    assert Signal.objects.count() == 2


def test_an_alarm_leaves_the_dashboard_when_it_was_seen(console: Client) -> None:
    notice = NoticeFactory(level=Notice.Level.ALARM, code="NO_STOP", message="A stop is missing.")
    assert "A stop is missing." in text(console.get(reverse("admin:index")))

    console.post(reverse("admin:ledger_notice_act", args=[notice.pk, "seen"]))

    assert "A stop is missing." not in text(console.get(reverse("admin:index")))


@pytest.mark.parametrize("model", [Trade, Order, Fill], ids=lambda model: model.__name__)
def test_lists_can_be_downloaded(console: Client, story: Story, model: Any) -> None:
    url = reverse(f"admin:ledger_{model._meta.model_name}_download_csv")

    response = console.get(url)

    body = b"".join(response) if response.streaming else response.content
    assert response["Content-Type"].startswith("text/csv")
    assert "attachment" in response["Content-Disposition"]
    assert len(body.decode().splitlines()) >= 2
