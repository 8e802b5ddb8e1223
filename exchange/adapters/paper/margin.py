"""What an account can spend: locks of spot orders, initial and maintenance margin of futures."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exchange.adapters.paper.desk import Desk
from exchange.adapters.paper.state import Holding, HoldingKey, PaperOrder
from exchange.types import ZERO, MarginType, OrderRequest, OrderType, PositionSide, Side

# What Binance adds to the ask when it values a market buy.
MARKET_BUY_MARGIN = Decimal("1.0005")


# ── spot ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _lock(desk: Desk, order: PaperOrder) -> tuple[str, Decimal]:
    rules, request = desk.rule(order.request.symbol), order.request
    if request.side is Side.SELL:
        return rules.base_asset, order.remaining
    price = request.price or request.trigger_price or desk.taker_price(request)
    return rules.quote_asset, order.remaining * price


def locked(desk: Desk, orders: Iterable[PaperOrder]) -> dict[str, Decimal]:
    """Return what resting spot orders lock, by asset; an OCO pair locks once."""
    groups: dict[tuple[str, str], Decimal] = {}
    for order in orders:
        asset, amount = _lock(desk, order)
        key = (asset, order.group or str(order.number))
        groups[key] = max(groups.get(key, ZERO), amount)
    sums: dict[str, Decimal] = {}
    for (asset, _), amount in groups.items():
        sums[asset] = sums.get(asset, ZERO) + amount
    return sums


def spot_free(desk: Desk, asset: str) -> Decimal:
    """Return what of an asset is neither spent nor locked."""
    return desk.wallets.get(asset, ZERO) - locked(desk, desk.open_orders()).get(asset, ZERO)


# ── futures ───────────────────────────────────────────────────────────────────────────────────────────────────
def reducing(desk: Desk, request: OrderRequest) -> bool:
    """Tell whether the order may only shrink a position: reduce-only, or the closing side in hedge mode."""
    if desk.spot:
        return False
    if request.position_side is PositionSide.BOTH:
        return request.reduce_only
    return (request.position_side is PositionSide.LONG) is (request.side is Side.SELL)


def unrealized(desk: Desk, key: HoldingKey, held: Holding) -> Decimal:
    """Return the position's profit at the mark price (margin asset)."""
    sign = 1 if held.quantity > 0 else -1
    return sign * (abs(held.quantity) * desk.quote(key[0]).mark - held.cost)


def maintenance(desk: Desk, key: HoldingKey, held: Holding) -> Decimal:
    """Return the margin under which the position is liquidated."""
    return abs(held.quantity) * desk.quote(key[0]).mark * desk.rule(key[0]).maintenance_rate


def crossed(desk: Desk, symbol: str) -> bool:
    return desk.setup(symbol).margin_type is MarginType.CROSSED


def holdings_of(desk: Desk, asset: str) -> list[tuple[HoldingKey, Holding]]:
    """Return the positions that are margined in this asset, in a stable order."""
    return [
        (key, held)
        for key, held in sorted(desk.holdings.items())
        if held.quantity and desk.rule(key[0]).margin_asset == asset
    ]


def order_price(desk: Desk, request: OrderRequest) -> Decimal:
    """Return the price at which an order's margin is worked out. Source: Binance's cost of opening a position."""
    if request.type is OrderType.LIMIT and request.price is not None:
        return request.price
    quote = desk.quote(request.symbol)
    price = desk.taker_price(request)
    return max(price, quote.ask * MARKET_BUY_MARGIN) if request.side is Side.BUY else max(price, quote.mark)


def order_margin(desk: Desk, key: HoldingKey) -> Decimal:
    """Return the initial margin that open orders of one position bind beyond the position's own."""
    symbol, position_side = key
    sums = {Side.BUY: ZERO, Side.SELL: ZERO}
    for order in desk.open_orders(symbol):
        request = order.request
        if request.position_side is position_side and not order.waiting and not reducing(desk, request):
            sums[request.side] += order.remaining * order_price(desk, request)
    position = desk.held(key).quantity * desk.quote(symbol).mark
    exposure = max(abs(position + sums[Side.BUY]), abs(position - sums[Side.SELL]), abs(position))
    return (exposure - abs(position)) / desk.setup(symbol).leverage


def position_margin(desk: Desk, key: HoldingKey, held: Holding) -> Decimal:
    """Return the initial margin of a position: what was set aside when isolated, else its value by the leverage."""
    if not crossed(desk, key[0]):
        return held.isolated_margin
    return abs(held.quantity) * desk.quote(key[0]).mark / desk.setup(key[0]).leverage


def cross_wallet(desk: Desk, asset: str) -> Decimal:
    """Return the wallet without what isolated positions have set aside."""
    return desk.wallets.get(asset, ZERO) - sum((held.isolated_margin for _, held in holdings_of(desk, asset)), ZERO)


def bound(desk: Desk, asset: str) -> Decimal:
    """Return all initial margin in use, of positions and of orders."""
    keys = {(order.request.symbol, order.request.position_side) for order in desk.open_orders()}
    keys = {key for key in keys if desk.rule(key[0]).margin_asset == asset}
    positions = holdings_of(desk, asset)
    return sum((position_margin(desk, key, held) for key, held in positions), ZERO) + sum(
        (order_margin(desk, key) for key in sorted(keys)), ZERO
    )


def available(desk: Desk, asset: str) -> Decimal:
    """Return what new positions may use as margin; negative when losses have eaten it."""
    profit = sum((unrealized(desk, key, held) for key, held in holdings_of(desk, asset) if crossed(desk, key[0])), ZERO)
    return desk.wallets.get(asset, ZERO) + profit - bound(desk, asset)


def opening_loss(desk: Desk, request: OrderRequest) -> Decimal:
    """Return what the order would lose at once against the mark price if it filled at its price (margin asset)."""
    gap = request.side.sign * (order_price(desk, request) - desk.quote(request.symbol).mark)
    return max(gap, ZERO) * request.quantity


def liquidation_price(desk: Desk, key: HoldingKey) -> Decimal | None:
    """Return the mark price at which the position is liquidated, everything else unchanged; None if there is none."""
    held = desk.held(key)
    asset, rate = desk.rule(key[0]).margin_asset, desk.rule(key[0]).maintenance_rate
    if crossed(desk, key[0]):
        others = [
            unrealized(desk, other, it) - maintenance(desk, other, it)
            for other, it in holdings_of(desk, asset)
            if other != key and crossed(desk, other[0])
        ]
        backing = cross_wallet(desk, asset) + sum(others, ZERO)
    else:
        backing = held.isolated_margin
    size = abs(held.quantity)
    if held.quantity > 0:
        price = (held.cost - backing) / (size * (1 - rate))
    else:
        price = (held.cost + backing) / (size * (1 + rate))
    return price if price > ZERO else None
