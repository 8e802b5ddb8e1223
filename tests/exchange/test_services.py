"""What the commands of the exchange room say."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from exchange.clients import get_client, override
from exchange.models import Instrument, Venue
from exchange.services import check_account, refresh_balances, refresh_instruments
from exchange.types import InstrumentRules
from tests.factories import AccountFactory
from tests.fakes import FaultyClient, Kind

D = Decimal


class Rewritten(FaultyClient):
    """A venue that lists what the test says."""

    rules: tuple[InstrumentRules, ...] = ()

    def load_instruments(self) -> tuple[InstrumentRules, ...]:
        return self.rules


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.django_db
def test_refreshing_lists_what_is_new_and_then_nothing() -> None:
    account = AccountFactory(venue=Venue.PAPER_SPOT)

    first, second = refresh_instruments(account), refresh_instruments(account)

    assert len(first) == Instrument.objects.filter(venue=Venue.PAPER_SPOT).count() >= 20
    assert second == ()
    rules = Instrument.objects.get(venue=Venue.PAPER_SPOT, symbol="BTCUSDT").rules()
    assert rules in get_client(account).load_instruments()


@pytest.mark.django_db
def test_refreshing_tells_what_changed_and_closes_what_is_gone() -> None:
    account = AccountFactory()
    refresh_instruments(account)
    client = Rewritten(get_client(account))
    btc, *others = get_client(account).load_instruments()
    client.rules = (replace(btc, tick_size=D("0.5")), *others[1:])

    with override(account.name, client):
        changes = [str(change) for change in refresh_instruments(account)]

    assert changes == ["BTCUSDT tick_size: 0.1 -> 0.5", "ETHUSDT trading: True -> False"]
    assert Instrument.objects.get(venue=account.venue, symbol="ETHUSDT").trading is False


@pytest.mark.django_db
def test_refresh_filters_prints_the_changes() -> None:
    account = AccountFactory()

    assert "paper_usdm: BTCUSDT instrument: new -> listed" in run("refresh_filters", "--account", account.name)
    assert "paper_usdm: 0 changes" in run("refresh_filters")
    with pytest.raises(CommandError, match="there is no account named 'nobody'"):
        run("refresh_filters", "--account", "nobody")


@pytest.mark.django_db
def test_refresh_balances_prints_what_changed_since_the_last_time() -> None:
    account = AccountFactory(name="main", paper_balances={"USDT": "10000"})

    assert "main: USDT balance: new -> 10000 free of 10000" in run("refresh_balances", "--account", "main")
    assert run("refresh_balances") == "main: 0 changes\n"
    assert refresh_balances(account)[1] == ()


@pytest.mark.django_db
def test_a_venue_that_does_not_answer_fails_the_command() -> None:
    account = AccountFactory(name="main")
    client = FaultyClient(get_client(account))
    client.fail("load_instruments", Kind.FAIL_QUERY)
    client.fail("get_balances", Kind.FAIL_QUERY)

    with override("main", client):
        with pytest.raises(CommandError, match="not every venue answered"):
            run("refresh_filters")
        with pytest.raises(CommandError, match="not every account answered"):
            run("refresh_balances")


@pytest.mark.django_db
def test_check_account_passes_a_good_one() -> None:
    account = AccountFactory(name="main")
    refresh_instruments(account)

    text = run("check_account", "main")

    assert "FAIL" not in text
    assert "paper needs no keys" in text


@pytest.mark.django_db
def test_check_account_names_what_is_wrong_and_the_remedy() -> None:
    AccountFactory(name="main", paper_balances={}, enabled=False)

    out = StringIO()
    with pytest.raises(CommandError, match="main cannot be used"):
        call_command("check_account", "main", stdout=out)

    assert "FAIL the account is switched off" in out.getvalue()
    assert "remedy: set paper balances" in out.getvalue()
    assert "remedy: python manage.py refresh_filters --account main" in out.getvalue()
    with pytest.raises(CommandError, match="known: main"):
        call_command("check_account", "nobody", stdout=out)


@pytest.mark.django_db
def test_check_account_of_a_venue_without_adapter_says_what_to_do() -> None:
    checks = check_account(AccountFactory(venue=Venue.BINANCE_USDM))

    assert [check.ok for check in checks] == [True, False]
    assert "paper_spot" in checks[1].remedy
