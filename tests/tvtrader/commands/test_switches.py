from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exchange.models import Account, HouseState
from ledger.models import Order, Strategy, Trade
from signals.models import Signal
from tests.factories import AccountFactory, StrategyFactory, TradeFactory
from tests.flows.house import House
from tests.tvtrader.commands.background import workers


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.django_db
def test_halt_and_resume_of_the_house() -> None:
    said = run("halt", "--reason", "news at 14:00")

    house = HouseState.get()
    assert said == "the whole house is halted: nothing is opened, resting entries are cancelled, exits pass\n"
    assert house.state == "HALTED"
    assert house.reason.startswith("news at 14:00 (")
    assert house.reason.endswith("(command line))")
    assert run("resume") == "the whole house may trade again\n"
    assert HouseState.get().state == "ACTIVE"


@pytest.mark.django_db
def test_halt_of_one_account_or_strategy_leaves_the_others() -> None:
    first, second = StrategyFactory(name="first"), StrategyFactory(name="second")

    run("halt", "--account", first.account.name)
    run("halt", "--strategy", "second")

    states = dict(Account.objects.values_list("name", "state")) | dict(Strategy.objects.values_list("name", "state"))
    assert states == {
        first.account.name: "HALTED",
        second.account.name: "ACTIVE",
        "first": "ACTIVE",
        "second": "HALTED",
    }
    assert HouseState.get().state == "ACTIVE"
    run("resume", "--strategy", "second")
    assert Strategy.objects.get(name="second").state == "ACTIVE"


@pytest.mark.django_db
def test_halt_cancels_resting_entries_and_keeps_positions() -> None:
    trade = TradeFactory(status=Trade.Status.OPEN, quantity=Decimal("0.01"))

    run("halt", "--account", trade.account.name)

    trade.refresh_from_db()
    assert trade.entries_canceled
    assert trade.close_requested_at is None


@pytest.mark.django_db
def test_resume_tells_what_is_still_off() -> None:
    row = StrategyFactory(name="one", enabled=False)
    run("halt")
    run("halt", "--account", row.account.name)
    run("halt", "--strategy", "one")

    said = run("resume", "--strategy", "one")

    assert said.splitlines() == [
        "strategy one may trade again",
        "note: the whole house is still halted: `manage.py resume` without a name",
        f"note: its account is still halted: `manage.py resume --account {row.account.name}`",
        "note: it is disabled in the configuration",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["halt", "resume", "flatten"])
def test_an_unknown_name_is_refused_with_the_known_ones(command: str) -> None:
    AccountFactory(name="paper")

    with pytest.raises(CommandError, match="there is no account papier; known: paper"):
        run(command, "--account", "papier")
    with pytest.raises(CommandError, match="not allowed with"):
        run(command, "--account", "paper", "--strategy", "one")
    assert HouseState.get().state == "ACTIVE"


@pytest.mark.django_db
def test_switches_work_without_the_encryption_key(settings: Any) -> None:
    AccountFactory(name="live", venue="binance_usdm", api_key="k", api_secret="s")
    StrategyFactory(name="one", account=Account.objects.get(name="live"))
    settings.FIELD_ENCRYPTION_KEYS = ["bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="]

    run("halt", "--account", "live")
    run("halt", "--strategy", "one")

    assert set(Account.objects.values_list("state", flat=True)) == {"HALTED"}


@pytest.mark.django_db
def test_flatten_of_nothing_says_so() -> None:
    assert run("flatten") == "the whole house has no open trades: nothing to close\n"


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["no", "", "y", "YES please"])
def test_flatten_asks_first(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trade = TradeFactory()
    monkeypatch.setattr("builtins.input", lambda _: answer)

    with pytest.raises(CommandError, match="nothing was closed"):
        run("flatten")

    trade.refresh_from_db()
    assert trade.close_requested_at is None


@pytest.mark.django_db
def test_flatten_that_nobody_carries_out_says_so() -> None:
    trade = TradeFactory()

    with pytest.raises(CommandError, match="1 not closed yet; the close stays asked for"):
        run("flatten", "--yes", "--wait", "0")

    trade.refresh_from_db()
    assert trade.close_requested_at is not None


@pytest.mark.django_db(transaction=True)
def test_flatten_closes_the_account_and_nothing_else() -> None:
    fields = {"sizing_method": "quote_amount", "sizing_amount": Decimal(100), "stop_pct": Decimal(1)}
    mine, other = House(name="mine", strategy_fields=fields), House(name="other", strategy_fields=fields)
    for house in (mine, other):
        assert house.send(symbol="BTCUSDT", action="entry", side="long").status == Signal.Status.DONE

    with workers():
        said = run("flatten", "--account", mine.account.name, "--yes")

    assert said.splitlines()[0].split() == [
        "trade",
        "account",
        "strategy",
        "symbol",
        "side",
        "held",
        "orders",
        "status",
    ]
    assert mine.trade().public_id in said
    assert other.trade().public_id not in said
    assert said.splitlines()[-1] == "all closed"
    assert (mine.trade().status, mine.trade().quantity) == (Trade.Status.CLOSED, Decimal(0))
    assert mine.live() == []
    assert other.trade().status == Trade.Status.OPEN
    assert [role for role, *_ in other.live()] == ["SL"]
    assert Order.objects.filter(account=mine.account, role="EXIT", status="FILLED").count() == 1
