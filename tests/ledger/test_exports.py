"""CSV of trades, orders and fills: exact, streamed, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.types import OrderStatus
from ledger.models import Order, Trade
from ledger.services import exports
from ledger.services.exports import EXPORTS, cell, export_fills, export_orders, export_trades, lines
from tests.factories import T0, FillFactory, OrderFactory, TradeFactory
from tests.ledger.services.reporting import entry, exit_of, fill, hear, report

D = Decimal


def _read(kind: str, **options: Any) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    EXPORTS[kind](stream, **options)
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (D("0.00000001"), "0.00000001"),
        (D("1E-8"), "0.00000001"),
        (D("1E+3"), "1000"),
        (D("-12.50"), "-12.50"),
        ("-12.5", "-12.5"),
        (True, "true"),
        (T0, "2026-03-02T12:00:00Z"),
        (7, "7"),
        ("", ""),
        ('plain, "quoted"\nline', 'plain, "quoted"\nline'),
    ],
)
def test_cells_keep_what_is_harmless(value: object, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize(
    ("attack", "text"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+cmd", "'+1+cmd"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("-", "'-"),
        ("--5", "'--5"),
        ("-1.2.3", "'-1.2.3"),
        ("-\u0661", "'-\u0661"),  # an Arabic digit is no number of ours
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "'\t'=1+1"),
        ("\r=1+1", "'\r'=1+1"),
        ("\ttext", "'\ttext"),
        ("  =1+1", "  '=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),  # full-width equals sign
        ("a;=1+1", "a;'=1+1"),  # a cell of its own where the list separator is a semicolon
        ("a\n=1+1", "a\n'=1+1"),
    ],
)
def test_formulas_are_neutralized(attack: str, text: str) -> None:
    assert cell(attack) == text


@given(st.text())
@settings(max_examples=500, deadline=None)
def test_no_text_starts_as_a_formula_and_none_is_lost(text: str) -> None:
    safe = cell(text)

    assert re.fullmatch(r"-?\d+(\.\d+)?", safe, re.ASCII) or safe[:1] not in tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  # the twins are meant
    assert safe.replace("'", "") == text.replace("'", "")


@pytest.mark.django_db
class TestFiles:
    def test_a_trade_has_its_figures_with_their_assets(self) -> None:
        order = entry(quantity="5.85", strategy__account__venue="paper_spot", reference_price=D("99.5"))
        hear(order, report(order, OrderStatus.FILLED, fill(order, "1", "5.85", "100", fee="0.00585", fee_asset="BTC")))
        out = exit_of(order, "EXIT", quantity="5.84415")
        hear(out, report(out, OrderStatus.FILLED, fill(out, "2", "5.84415", "110", fee="0.002", fee_asset="BNB")))

        (row,) = _read("trades")

        assert (row["quantity"], row["base_asset"], row["entry_price"]) == ("0", "BTC", "100")
        # 5.84415 * 10, less 0.00585 BTC at 100.
        assert (row["realized_pnl"], row["net_pnl"], row["quote_asset"]) == ("58.4415", "57.8565", "USDT")
        assert row["fees"] == "0.002 BNB + 0.00585 BTC"
        assert row["fees_not_in_net_pnl"] == "0.002 BNB"
        assert row["slippage"] == "0.5"
        assert row["opened_at"] == "2026-03-02T12:00:01Z"

    def test_orders_and_fills_name_their_trade(self) -> None:
        one = FillFactory(price=D("60000.10"), fee=D("-0.0001"))

        (order,) = _read("orders")
        (match,) = _read("fills")

        assert (order["client_order_id"], order["leg"]) == (one.order.client_order_id, "entry")
        assert (match["trade"], match["price"], match["fee"]) == (one.order.trade.public_id, "60000.10", "-0.0001")

    def test_hostile_text_from_a_venue_is_neutralized_in_the_file(self) -> None:
        OrderFactory(reason='=cmd|" /C calc"!A0, "quoted"\r\nnext')

        (row,) = _read("orders")

        assert row["reason"] == '\'=cmd|" /C calc"!A0, "quoted"\r\nnext'

    def test_the_file_is_rfc_4180(self) -> None:
        OrderFactory(reason='say "no", please')

        text = list(lines("orders"))

        assert all(line.endswith("\r\n") for line in text)
        assert '"say ""no"", please"' in text[1]

    def test_filters_by_account_and_time(self) -> None:
        old, new = FillFactory(filled_at=T0), FillFactory(filled_at=T0 + timedelta(days=1))

        assert [row["id"] for row in _read("fills", account=new.account)] == [str(new.pk)]
        assert [row["id"] for row in _read("fills", since=T0 + timedelta(hours=1))] == [str(new.pk)]
        assert len(_read("fills", since=old.filled_at)) == 2

    def test_queries_grow_with_batches_not_with_rows(
        self, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        monkeypatch.setattr(exports, "CHUNK", 10)
        strategy = TradeFactory().strategy
        Trade.objects.all().delete()
        for _ in range(25):
            FillFactory(order__leg__trade__strategy=strategy, order__leg__trade__status="CLOSED", fee_asset="BNB")

        # Three batches and the empty end: rows and instruments each time.
        with django_assert_num_queries(4 + 3):
            assert export_fills(io.StringIO()) == 25
        with django_assert_num_queries(4 + 3):
            assert export_orders(io.StringIO()) == 25
        # Instruments twice: for the figures and for the assets.
        with django_assert_num_queries(4 + 3 * 2):
            assert export_trades(io.StringIO()) == 25

    def test_lines_are_made_as_they_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exports, "CHUNK", 1)
        OrderFactory.create_batch(3)
        stream = lines("orders")
        next(stream)
        next(stream)

        Order.objects.order_by("-pk").first().delete()  # type: ignore[union-attr]  # there are three

        assert len(list(stream)) == 1

    def test_command_writes_the_file(self, tmp_path: Path) -> None:
        FillFactory(filled_at=T0)
        target = tmp_path / "fills.csv"

        call_command("export_ledger", "fills", str(target), "--since", "2026-03-02")

        with target.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["fills.csv"]

    def test_command_to_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        FillFactory()

        call_command("export_ledger", "fills", "-")

        assert len(capsys.readouterr().out.splitlines()) == 2

    @pytest.mark.parametrize(
        "arguments",
        [["--account", "nobody"], ["--since", "yesterday"], ["--since", "2026-13-01"]],
    )
    def test_command_says_what_is_wrong_and_leaves_no_file(self, tmp_path: Path, arguments: list[str]) -> None:
        with pytest.raises(CommandError):
            call_command("export_ledger", "fills", str(tmp_path / "f.csv"), *arguments)

        assert not list(tmp_path.iterdir())

    def test_command_says_that_a_file_can_t_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="can't be written"):
            call_command("export_ledger", "fills", str(tmp_path / "missing" / "f.csv"))

    def test_an_unfinished_file_does_not_remain(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        FillFactory()
        monkeypatch.setattr(exports, "cell", _fail)

        with pytest.raises(RuntimeError):
            call_command("export_ledger", "fills", str(tmp_path / "f.csv"))

        assert not list(tmp_path.iterdir())


def _fail(_: object) -> str:
    raise RuntimeError("the disk is full")
