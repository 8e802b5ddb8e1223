"""What the API says of the ledger's rows: the fields that clients count on, one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from exchange.api import RowSerializer
from exchange.models import Account
from ledger import rows
from ledger.models import EquitySnapshot, Fill, Income, Leg, Order, Strategy, Trade


def text(value: Decimal | None) -> str | None:
    """Return the digits without exponent."""
    return None if value is None else format(value, "f")


class AccountSerializer(RowSerializer):
    """An account without its keys."""

    paper = serializers.BooleanField(source="is_paper", read_only=True)
    has_keys = serializers.BooleanField(read_only=True)

    class Meta:
        model = Account
        fields = (
            "id", "name", "venue", "environment", "paper", "enabled", "state", "state_reason", "has_keys",
            "hedge_mode", "paper_balances", "maker_fee", "taker_fee", "slippage_bps", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class StrategySerializer(RowSerializer):
    """A strategy with all its settings."""

    account = serializers.CharField(source="account.name", read_only=True)

    class Meta:
        model = Strategy
        fields = (
            "id", "name", "account", "enabled", "state", "state_reason", "mode", "symbols", "sizing_method",
            "sizing_amount", "leverage", "max_leverage", "margin_type", "reserve_pct", "entry_type",
            "entry_timeout_s", "dca", "take_profits", "stop_from_alert", "stop_pct", "stop_required", "working_type",
            "breakeven_after", "breakeven_offset_pct", "trail_pct", "protect_within_s", "on_duplicate_entry",
            "on_opposite", "exit_cooldown_s", "max_age_s", "max_open_trades", "max_notional", "max_daily_loss",
            "max_trades_per_day", "max_slippage_pct", "max_risk_pct", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class LegSerializer(RowSerializer):
    """A planned leg; `leg` is its name in orders and plans, such as `entry`, `sl` or `tp1`."""

    leg = serializers.CharField(source="tag", read_only=True)

    class Meta:
        model = Leg
        fields = (
            "leg", "kind", "index", "order_type", "quantity", "price", "trigger_price", "offset_pct", "share",
        )  # fmt: skip
        read_only_fields = fields


class TradeSerializer(RowSerializer):
    """A round trip; money in quote unless it is given by asset."""

    account = serializers.CharField(source="account.name", read_only=True)
    strategy = serializers.CharField(source="strategy.name", read_only=True)
    side = serializers.CharField(source="direction", read_only=True)
    stop_price = serializers.SerializerMethodField(help_text="Trigger of the stop that the venue holds.")
    protected = serializers.SerializerMethodField(help_text="The venue holds a stop for all that is held.")
    net_pnl = serializers.SerializerMethodField(
        help_text="Realized PnL less fees plus funding; null when a fee has no price here."
    )
    slippage = serializers.SerializerMethodField(
        help_text="How much worse than the price at the decision the average entry was, quote per base."
    )
    signals = serializers.SerializerMethodField(help_text="Ids of the signals that acted on it.")
    legs = LegSerializer(many=True, read_only=True)

    class Meta:
        model = Trade
        fields = (
            "id", "public_id", "account", "strategy", "symbol", "side", "status", "quantity", "entered_quantity",
            "entry_price", "stop_price", "protected", "leverage", "opened_at", "closed_at", "close_reason",
            "realized_pnl", "fees", "funding", "net_pnl", "slippage", "signals", "legs", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.STR)
    def get_stop_price(self, trade: Trade) -> str | None:
        return text(rows.stop_price(trade))

    def get_protected(self, trade: Trade) -> bool:
        return rows.protection(trade) == "PROTECTED"

    @extend_schema_field(OpenApiTypes.STR)
    def get_net_pnl(self, trade: Any) -> str | None:
        net = trade.figures.net
        return None if net.unvalued else text(net.net)

    @extend_schema_field(OpenApiTypes.STR)
    def get_slippage(self, trade: Any) -> str | None:
        return text(trade.figures.slippage)

    def get_signals(self, trade: Any) -> list[int]:
        # By its name at the relation: the ledger does not know what a signal is.
        return sorted(signal.pk for signal in trade.signals.all())


class OrderSerializer(RowSerializer):
    """An order."""

    trade = serializers.IntegerField(source="trade_id", read_only=True)
    leg = serializers.CharField(source="leg.tag", read_only=True)
    account = serializers.CharField(source="account.name", read_only=True)

    class Meta:
        model = Order
        fields = (
            "id", "client_order_id", "venue_order_id", "account", "trade", "leg", "role", "symbol", "side",
            "position_side", "type", "quantity", "price", "trigger_price", "reduce_only", "time_in_force",
            "working_type", "status", "filled_quantity", "average_price", "reason", "reason_code", "submitted_at",
            "acknowledged_at", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class FillSerializer(RowSerializer):
    """A match; the fee is positive when paid."""

    order = serializers.IntegerField(source="order_id", read_only=True)
    trade = serializers.IntegerField(source="order.trade_id", read_only=True)
    account = serializers.CharField(source="account.name", read_only=True)

    class Meta:
        model = Fill
        fields = (
            "id", "order", "trade", "account", "venue_trade_id", "symbol", "side", "quantity", "price", "fee",
            "fee_asset", "realized_pnl", "liquidity", "filled_at",
        )  # fmt: skip
        read_only_fields = fields


class IncomeSerializer(RowSerializer):
    """Funding or another movement; signed from the account's view."""

    account = serializers.CharField(source="account.name", read_only=True)
    trade = serializers.IntegerField(source="trade_id", read_only=True, allow_null=True)

    class Meta:
        model = Income
        fields = ("id", "account", "trade", "kind", "venue_income_id", "asset", "amount", "symbol", "occurred_at")
        read_only_fields = fields


class EquitySerializer(RowSerializer):
    """Funds of one asset at one moment."""

    account = serializers.CharField(source="account.name", read_only=True)

    class Meta:
        model = EquitySnapshot
        fields = ("id", "account", "asset", "free", "total", "unrealized_pnl", "at")
        read_only_fields = fields


class PositionSerializer(serializers.Serializer[Any]):
    """What is held now."""

    account = serializers.CharField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    entry_price = serializers.CharField(allow_null=True)
    mark_price = serializers.CharField(allow_null=True)
    unrealized_pnl = serializers.CharField(allow_null=True)
    leverage = serializers.IntegerField(allow_null=True)
    liquidation_price = serializers.CharField(allow_null=True)
    protected = serializers.BooleanField()


class BalanceSerializer(serializers.Serializer[Any]):
    """Funds of one asset now."""

    account = serializers.CharField()
    asset = serializers.CharField()
    free = serializers.CharField()
    total = serializers.CharField()
