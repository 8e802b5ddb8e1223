from __future__ import annotations

from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from exchange import crypto
from exchange.models import Account, TickerAlias
from ledger.models import Strategy, Trade
from signals.models import Endpoint, EndpointSecret
from tests.factories import AccountFactory, EndpointFactory, StrategyFactory, TradeFactory
from tests.tvtrader.configuration.texts import DEMO, DEMO_ENV, FULL, KEYS, SMALL, problems, rows, strategy
from tvtrader.configuration import apply_file, dump_text, state
from tvtrader.configuration.apply import apply_text
from tvtrader.configuration.fields import KEEP, REQUIRED, TABLES

pytestmark = pytest.mark.django_db


def test_every_key_reaches_its_row() -> None:
    apply_text(FULL, env=KEYS)

    live, paper = Account.objects.get(name="main-futures"), Account.objects.get(name="paper")
    assert (live.venue, live.environment, live.api_key, live.api_secret, live.enabled) == (
        "binance_usdm", "live", "canary-api-key", "canary-api-secret", True,
    )  # fmt: skip
    assert paper.paper_balances == {"USDT": "10000", "BNB": "1.5"}
    assert (paper.maker_fee, paper.taker_fee, paper.slippage_bps, paper.hedge_mode) == (
        Decimal("0.0001"), Decimal("0.0004"), Decimal("2.5"), True,
    )  # fmt: skip
    row = Strategy.objects.get()
    assert {
        key.column: getattr(row, key.column) for key in TABLES["strategies"] if key.column not in ("name", "account")
    } == {
        "enabled": True, "mode": "approve", "symbols": ["BTCUSDT", "ETHUSDT"], "sizing_method": "margin",
        "sizing_amount": Decimal("10.10"), "leverage": 10, "max_leverage": 15, "margin_type": "ISOLATED",
        "reserve_pct": Decimal("0.5"), "entry_type": "LIMIT", "entry_timeout_s": 3600,
        "dca": [{"distance_pct": "2", "size_scale": "1.5"}, {"distance_pct": "4", "size_scale": "1"}],
        "take_profits": [
            {"r": "0.75", "share": "0.15"}, {"pct": "1.5", "share": "0.15"}, {"price": "alert", "share": "rest"},
        ],
        "stop_from_alert": True, "stop_pct": Decimal(1), "stop_required": True, "working_type": "LAST",
        "breakeven_after": 1, "breakeven_offset_pct": Decimal("0.2"), "trail_pct": Decimal("0.5"),
        "protect_within_s": 3, "on_duplicate_entry": "replace", "on_opposite": "refuse", "exit_cooldown_s": 31,
        "max_age_s": 61, "max_open_trades": 5, "max_notional": Decimal(5000), "max_daily_loss": Decimal("200.05"),
        "max_trades_per_day": 50, "max_slippage_pct": Decimal("0.5"), "max_risk_pct": Decimal(3),
    }  # fmt: skip
    assert row.policy().name == "mean-reversion"  # the policy reads what was written
    endpoint = Endpoint.objects.get()
    assert (endpoint.dialect, endpoint.strict, endpoint.duplicate_window_s) == ("strategy_alert", True, 90)
    assert [(route.label, route.strategy) for route in endpoint.routes.all()] == [("Testing", row)]
    assert {secret.digest for secret in endpoint.secrets.all()} == {
        crypto.digest(b"canary-hook-7Gk29Qx"), crypto.digest(b"older-canary-4Tz81Wp"),
    }  # fmt: skip
    assert TickerAlias.objects.get().symbol == "BTCUSDT"


def test_digits_survive_as_written() -> None:
    apply_text(strategy("sizing: {method: quote_amount, amount: 0.10000000000000000000000000001}"), env={})

    assert str(Strategy.objects.get().sizing_amount) == "0.10000000000000000000000000001"


@pytest.mark.parametrize("text", [FULL, SMALL, "", "accounts: []"])
def test_a_second_run_changes_nothing(text: str) -> None:
    apply_text(text, env=KEYS)
    before = rows()

    report = apply_text(text, env=KEYS)

    assert report.changes == ()
    assert report.new_secrets == ()
    assert rows() == before


@pytest.mark.parametrize("text", [FULL, SMALL])
def test_a_dump_changes_nothing(text: str) -> None:
    apply_text(text, env=KEYS)

    report = apply_text(dump_text(), env={}, prune=True)

    assert [change.lines() for change in report.changes] == []


def test_a_dump_rebuilds_an_empty_house() -> None:
    apply_text(FULL, env=KEYS)
    dumped = dump_text()
    EndpointSecret.objects.all().delete()
    Endpoint.objects.all().delete()
    Strategy.objects.all().delete()
    Account.objects.all().delete()
    TickerAlias.objects.all().delete()

    apply_text(dumped, env={})

    assert dump_text() == dumped


def test_the_demo_applies_and_round_trips() -> None:
    report = apply_file(DEMO, env=DEMO_ENV)

    assert report.applied
    assert report.notes == ()
    assert sorted(Endpoint.objects.values_list("dialect", flat=True)) == [
        "balance_percentage", "bracket", "entry_exit", "native", "spot", "strategy_alert",
    ]  # fmt: skip
    assert apply_file(DEMO, env=DEMO_ENV).changes == ()
    assert apply_text(dump_text(), env={}).changes == ()


def test_no_two_futures_demo_strategies_share_an_account() -> None:
    apply_file(DEMO, env=DEMO_ENV)

    accounts = list(Strategy.objects.values_list("account__name", flat=True))
    assert len(accounts) == len(set(accounts)) == 6


def test_what_is_left_out_falls_back_to_its_default() -> None:
    apply_text(strategy("mode: approve\n    leverage: 5\n    symbols: [BTCUSDT]"), env={})

    report = apply_text(strategy("mode: approve"), env={})

    row = Strategy.objects.get()
    assert (row.mode, row.leverage, row.symbols) == ("approve", None, [])
    assert report.changes[0].lines() == ["update strategy s", "    symbols: [BTCUSDT] -> []", "    leverage: 5 -> null"]


def test_defaults_of_the_table_are_those_of_the_rows() -> None:
    for section, model in (("accounts", Account()), ("strategies", Strategy()), ("endpoints", Endpoint())):
        for key in TABLES[section]:
            if key.default not in (KEEP, REQUIRED) and key.column != "subaccounts":
                assert getattr(model, key.column) == key.default, key.path


def test_switches_and_secrets_that_the_file_does_not_name_stay() -> None:
    apply_text(FULL, env=KEYS)
    Account.objects.filter(name="paper").update(enabled=False)
    Strategy.objects.update(state="HALTED")
    text = FULL.replace("    api_key: {env: KEY}\n    api_secret: {env: SECRET}\n", "").replace(
        "    secret: [{env: HOOK}, older-canary-4Tz81Wp]\n", ""
    )

    report = apply_text(text, env={})

    assert report.changes == ()
    assert Account.objects.get(name="main-futures").api_key == "canary-api-key"
    assert EndpointSecret.objects.count() == 2
    assert [note for note in report.notes if "no adapter" not in note] == [
        "account paper is disabled and stays so; `enabled: true` in the file turns it on",
        "strategy mean-reversion is HALTED; `manage.py resume --strategy mean-reversion` lets it trade again",
    ]


def test_a_random_secret_is_made_once_and_only_for_an_endpoint_without_one() -> None:
    first = apply_text(SMALL, env={})

    (made,) = first.new_secrets
    assert made.endpoint == "hook"
    assert len(made.value) >= 24
    assert EndpointSecret.objects.get().digest == crypto.digest(made.value.encode())
    assert made.value not in repr(first)
    assert apply_text(SMALL, env={}).new_secrets == ()


def test_the_secrets_of_the_file_are_the_only_valid_ones() -> None:
    text = SMALL.replace("strategy: one}]", "strategy: one, secret: [new-canary-secret, old-canary-secret]}]")
    apply_text(text, env={})

    report = apply_text(text.replace(", old-canary-secret", ""), env={})

    assert report.changes[0].lines() == ["update endpoint hook", "    secret: 1 removed"]
    assert EndpointSecret.objects.get().digest == crypto.digest(b"new-canary-secret")


def test_rotating_the_encryption_key_does_not_touch_webhook_secrets(settings: Any) -> None:
    text = SMALL.replace("strategy: one}]", "strategy: one, secret: some-canary-secret}]")
    apply_text(text, env={})
    settings.FIELD_ENCRYPTION_KEYS = ["bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0=", *settings.FIELD_ENCRYPTION_KEYS]

    assert apply_text(text, env={}).changes == ()


def test_api_keys_are_stored_encrypted() -> None:
    apply_text(FULL, env=KEYS)

    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key, api_secret FROM exchange_account WHERE name = 'main-futures'")
        stored = cursor.fetchone()
    assert all(text and "canary" not in text for text in stored)


def test_a_key_that_no_encryption_key_reads_is_replaced(settings: Any) -> None:
    apply_text(FULL, env=KEYS)
    settings.FIELD_ENCRYPTION_KEYS = ["bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="]

    dumped = dump_text()
    report = apply_text(FULL, env=KEYS)

    assert "main-futures" in dumped
    assert "    api_key: changed" in report.changes[0].lines()
    assert Account.objects.get(name="main-futures").api_key == "canary-api-key"


def test_no_secret_is_dumped_or_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "house.yaml"
    file.write_text(FULL)
    out = StringIO()

    call_command("apply_config", str(file), stdout=out)
    file.write_text(FULL.replace("older-canary-4Tz81Wp", "other-canary-secret"))
    call_command("apply_config", str(file), stdout=out)
    call_command("dump_config", stdout=out)
    call_command("apply_config", str(file), "--prune", stdout=out)

    assert "api_key: set" in out.getvalue()
    assert "secret: 1 added, 1 removed" in out.getvalue()
    assert "canary" not in out.getvalue()


@pytest.mark.parametrize("secret", ["short-canary", "YOUR_WEBHOOK_SECRET", "a" * 24, "' canary canary canary '"])
def test_a_weak_secret_is_refused(secret: str) -> None:
    (found,) = problems(SMALL.replace("strategy: one}]", f"strategy: one, secret: {secret}}}]"))

    assert found.startswith("endpoints[0].secret: ")
    assert secret not in found


@pytest.mark.parametrize(
    "text",
    [
        FULL.replace("{env: KEY}", "[canary-api-key]"),
        FULL.replace("{env: KEY}", "{canary: canary-api-key}"),
        FULL.replace("[{env: HOOK}, older-canary-4Tz81Wp]", "{value: canary-canary-0815}"),
        FULL.replace("[{env: HOOK}, older-canary-4Tz81Wp]", "[canary-canary-0815, canary-canary-0815]"),
        FULL + "\nbroken: [canary",
    ],
)
def test_no_secret_stands_in_an_error(text: str) -> None:
    assert "canary" not in "".join(problems(text, **KEYS)).replace("'canary'", "")


def test_a_secret_of_another_endpoint_is_refused() -> None:
    apply_text(SMALL.replace("strategy: one}]", "strategy: one, secret: one-canary-secret}]"), env={})
    text = SMALL.replace("{name: hook, strategy: one}", "{name: hook2, strategy: one, secret: one-canary-secret}")

    assert problems(text) == ["endpoints[0].secret: the endpoint hook has the same one; every endpoint needs its own"]


def test_check_writes_nothing_and_says_what_would_change(tmp_path: Path) -> None:
    file = tmp_path / "house.yaml"
    file.write_text(SMALL)
    out = StringIO()

    with pytest.raises(SystemExit) as caught:
        call_command("apply_config", str(file), "--check", stdout=out)

    assert caught.value.code == 1
    assert rows() == (0, 0, 0, 0, 0)
    assert out.getvalue().splitlines()[:3] == ["create account paper", "    venue: paper_usdm", "create strategy one"]
    assert "    secret: a random one" in out.getvalue().splitlines()
    assert "4 would change; nothing was written" in out.getvalue()


def test_check_of_the_present_state_ends_well(tmp_path: Path) -> None:
    file = tmp_path / "house.yaml"
    file.write_text(SMALL)
    call_command("apply_config", str(file), stdout=StringIO())
    out = StringIO()

    call_command("apply_config", str(file), "--check", stdout=out)

    assert out.getvalue() == "nothing to change\n"


def test_prune_disables_what_the_file_no_longer_names() -> None:
    apply_text(SMALL, env={})
    text = "accounts: [{name: paper, venue: paper_usdm}]"
    assert apply_text(text, env={}).changes == ()

    report = apply_text(text, env={}, prune=True)

    assert [(change.action, change.section, change.name) for change in report.changes] == [
        ("disable", "strategies", "one"),
        ("disable", "endpoints", "hook"),
        ("delete", "ticker_aliases", "paper_usdm:BTCPERP"),
    ]
    assert Account.objects.get().enabled
    assert not Strategy.objects.get().enabled
    assert not Endpoint.objects.get().enabled
    assert EndpointSecret.objects.count() == 1
    assert not TickerAlias.objects.exists()
    assert apply_text(text, env={}, prune=True).changes == ()


def test_an_account_with_trades_keeps_its_venue() -> None:
    account = AccountFactory(name="paper")
    TradeFactory(strategy=StrategyFactory(account=account), status=Trade.Status.CLOSED)

    found = problems("accounts: [{name: paper, venue: paper_spot}]")

    assert found[0].startswith("accounts[0].venue: is paper_usdm and the account has trades there")


def test_a_strategy_with_live_trades_keeps_its_account() -> None:
    row = StrategyFactory(name="one", account=AccountFactory(name="first"))
    trade = TradeFactory(strategy=row)
    text = "accounts: [{name: second, venue: paper_usdm}]\nstrategies: [{name: one, account: second}]"

    assert problems(text)[0].startswith("strategies[0].account: the strategy has 1 live trade(s) on first")
    Trade.objects.filter(pk=trade.pk).update(status=Trade.Status.CLOSED)
    apply_text(text, env={})
    assert Strategy.objects.get().account.name == "second"


def test_rows_that_a_form_wrote_round_trip() -> None:
    StrategyFactory(name="one", dca=[{"distance_pct": 2}], take_profits=[{"pct": "1.50"}, {"price": "alert"}][:1])

    assert apply_text(dump_text(), env={}).changes == ()


def test_an_endpoint_without_secret_gets_one_from_its_dump() -> None:
    endpoint = EndpointFactory()
    endpoint.secrets.all().delete()

    assert len(apply_text(dump_text(), env={}).new_secrets) == 1


def test_a_failure_in_the_middle_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(change: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(state, "_write_alias", fail)

    with pytest.raises(RuntimeError):
        apply_text(SMALL, env={})

    assert rows() == (0, 0, 0, 0, 0)


def test_a_missing_file_and_a_bad_file_end_the_command(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"can't be read: No such file"):
        call_command("apply_config", str(tmp_path / "nothing.yaml"))
    file = tmp_path / "bad.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="UTF-8"):
        call_command("apply_config", str(file))
