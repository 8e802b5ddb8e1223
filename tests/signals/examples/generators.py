"""Random alerts, strategies and markets for property tests: sensible and senseless ones alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st

from exchange.types import Direction, MarginType, OrderType, PositionMode, Quote
from ledger.domain.context import Context, HeldTrade, Usage
from ledger.domain.policy import (
    DcaRung,
    Limits,
    Mode,
    OnDuplicate,
    OnOpposite,
    Sizing,
    SizingMethod,
    StopPolicy,
    StrategyPolicy,
    TargetPolicy,
)
from signals.intents import Action, Intent, TargetSpec
from tests.signals.examples.worlds import NOW, SPOT, USDM, D

T = TypeVar("T")

amounts = st.decimals(min_value=D("-1"), max_value=D("1000000"), allow_nan=False, allow_infinity=False, places=9)
fractions = st.decimals(min_value=D("-0.1"), max_value=D("1.1"), allow_nan=False, allow_infinity=False, places=4)
percents = st.decimals(min_value=D("-5"), max_value=D("120"), allow_nan=False, allow_infinity=False, places=3)
small_percents = st.decimals(min_value=D("0.1"), max_value=D("20"), places=2)
directions = st.sampled_from(Direction)
moments = st.integers(-200, 5).map(lambda seconds: NOW + timedelta(seconds=seconds))


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | strategy


def near(price: Decimal) -> st.SearchStrategy[Decimal]:
    """Prices around the market, some of them off the grid, some far away, some not positive."""
    factors = st.decimals(min_value=D("0.8"), max_value=D("1.2"), places=6)
    return factors.map(lambda factor: price * factor) | st.sampled_from([D(0), D("-1"), price, price * 40])


sizings = st.one_of(
    st.builds(Sizing, method=st.sampled_from([SizingMethod.QUOTE_AMOUNT, SizingMethod.MARGIN]), amount=amounts),
    st.builds(Sizing, method=st.just(SizingMethod.BASE_AMOUNT), amount=amounts),
    st.builds(
        Sizing,
        method=st.sampled_from(
            [SizingMethod.BALANCE_FRACTION, SizingMethod.POSITION_FRACTION, SizingMethod.RISK_FRACTION]
        ),
        amount=fractions,
    ),
)


def target_specs(price: Decimal) -> st.SearchStrategy[TargetSpec]:
    shares = maybe(fractions)
    return st.one_of(
        st.builds(TargetSpec, price=near(price), share=shares),
        st.builds(TargetSpec, pct=percents, share=shares),
        st.builds(TargetSpec, r=percents, share=shares),
        st.builds(TargetSpec, share=shares),
    )


target_policies = st.one_of(
    st.builds(TargetPolicy, from_alert=st.just(True), share=maybe(fractions)),
    st.builds(TargetPolicy, pct=small_percents, share=maybe(fractions)),
    st.builds(TargetPolicy, r=small_percents, share=maybe(fractions)),
)


@st.composite
def intents(draw: st.DrawFn, price: Decimal) -> Intent:
    return draw(
        st.builds(
            Intent,
            action=st.sampled_from(Action),
            symbol=st.just("BTCUSDT"),
            direction=directions | maybe(directions),
            order_type=maybe(st.sampled_from(OrderType)),
            price=maybe(near(price)),
            second_price=maybe(near(price)),
            sizing=maybe(sizings),
            leverage=maybe(st.integers(-1, 130)),
            stop_price=maybe(near(price)),
            stop_pct=maybe(percents),
            targets=st.lists(target_specs(price), max_size=4).map(tuple),
            no_targets=st.booleans(),
            breakeven_long=maybe(near(price)),
            breakeven_short=maybe(near(price)),
            close_fraction=maybe(fractions),
            at=maybe(moments),
            note=st.text(max_size=20),
        )
    )


policies = st.builds(
    StrategyPolicy,
    name=st.just("any"),
    mode=st.sampled_from([*Mode, Mode.AUTO, Mode.AUTO, Mode.AUTO]),
    symbols=st.sampled_from([frozenset[str](), frozenset[str](), frozenset({"ADAUSDT"})]),
    sizing=maybe(sizings),
    leverage=maybe(st.integers(1, 125)),
    max_leverage=st.integers(1, 125),
    margin_type=maybe(st.sampled_from(MarginType)),
    entry_type=st.sampled_from([OrderType.MARKET, OrderType.LIMIT]),
    entry_timeout_s=maybe(st.integers(1, 100)),
    dca=st.lists(st.builds(DcaRung, distance_pct=percents, size_scale=small_percents), max_size=3).map(tuple),
    targets=st.lists(target_policies, max_size=3).map(tuple),
    stop=st.builds(
        StopPolicy,
        from_alert=st.booleans(),
        pct=maybe(small_percents),
        required=st.booleans(),
        breakeven_offset_pct=percents,
        trail_pct=maybe(small_percents),
    ),
    on_duplicate=st.sampled_from(OnDuplicate),
    on_opposite=st.sampled_from(OnOpposite),
    reserve_pct=st.decimals(min_value=0, max_value=100, places=2),
    limits=st.builds(
        Limits,
        max_open_trades=maybe(st.integers(0, 5)),
        max_notional=maybe(amounts),
        max_daily_loss=maybe(amounts),
        max_trades_per_day=maybe(st.integers(0, 5)),
        max_slippage_pct=maybe(small_percents),
        max_risk_pct=maybe(small_percents),
    ),
)


def helds(
    price: Decimal, *, least: int = 0, own: st.SearchStrategy[bool] | None = None
) -> st.SearchStrategy[HeldTrade]:
    return st.builds(
        HeldTrade,
        id=st.integers(1, 99),
        own=st.booleans() if own is None else own,
        direction=directions,
        quantity=st.decimals(min_value=least, max_value=10, places=5),
        average_price=near(price).map(abs),
        entries_pending=st.booleans(),
        closing=st.booleans(),
        stop_price=maybe(near(price)),
        add_count=st.integers(0, 3),
    )


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    rules = draw(st.sampled_from([*SPOT.values(), *USDM.values()]))
    rules = replace(rules, trading=draw(st.sampled_from([True, True, True, False])))
    price = draw(st.decimals(min_value=0, max_value=D("60000"), places=8))
    spread = draw(st.sampled_from([D(0), D("0.0001"), D("0.01")]))
    market = Quote(
        symbol=rules.symbol, bid=price * (1 - spread), ask=price * (1 + spread), last=price, mark=price, at=NOW
    )
    assets = (rules.base_asset, rules.quote_asset)
    free = {asset: draw(st.decimals(min_value=0, max_value=100000, places=8)) for asset in assets}
    return Context(
        now=NOW,
        received_at=draw(moments),
        policy=draw(policies),
        rules=rules,
        mode=draw(st.sampled_from(PositionMode)),
        quote=market,
        free=free,
        total={asset: amount * draw(st.sampled_from([1, 2])) for asset, amount in free.items()},
        trades=draw(st.lists(helds(price), max_size=2, unique_by=lambda trade: trade.id).map(tuple)),
        usage=draw(
            st.builds(
                Usage,
                open_trades=st.integers(0, 5),
                trades_today=st.integers(0, 5),
                loss_today=amounts,
                pending_risk=amounts.map(abs),
            )
        ),
        opens_allowed=draw(st.sampled_from([True, True, True, False])),
        blocked_by=draw(st.sampled_from(["", "the house"])),
        last_exit_at=draw(st.dictionaries(directions, moments)),
    )


@st.composite
def likely_sizings(draw: st.DrawFn, free: Decimal, price: Decimal, method: SizingMethod | None) -> Sizing:
    """Sizes that a balance allows, mostly."""
    share = draw(st.decimals(min_value=D("0.02"), max_value=D("0.6"), places=4))
    method = method or draw(st.sampled_from([m for m in SizingMethod if m is not SizingMethod.POSITION_FRACTION]))
    match method:
        case SizingMethod.QUOTE_AMOUNT | SizingMethod.MARGIN:
            return Sizing(method=method, amount=free * share)
        case SizingMethod.BASE_AMOUNT:
            return Sizing(method=method, amount=free * share / price)
        case _:
            return Sizing(method=method, amount=share)


@st.composite
def likely_entries(draw: st.DrawFn, method: SizingMethod | None = None) -> tuple[Intent, Context]:
    """Entries that are mostly planned: sane levels, enough funds, nothing held; limits and sizes vary."""
    direction = draw(directions)
    spot = direction is Direction.LONG and draw(st.booleans())
    rules = draw(st.sampled_from([*(SPOT if spot else USDM).values()]))
    price = draw(st.decimals(min_value=D("0.5"), max_value=D("60000"), places=4))
    sign = direction.sign
    quote = Quote(symbol=rules.symbol, bid=price, ask=price, last=price, mark=price, at=NOW)
    stop = price * (1 - sign * draw(st.decimals(min_value=D("0.05"), max_value=D("0.3"), places=4)))
    limit_entry = draw(st.booleans())
    free = draw(st.decimals(min_value=D(10000), max_value=D(10000000), places=4))
    intent = Intent(
        action=Action.OPEN,
        symbol=rules.symbol,
        direction=direction,
        order_type=OrderType.LIMIT if limit_entry else OrderType.MARKET,
        price=price if limit_entry else draw(st.sampled_from([None, price])),
        second_price=draw(maybe(st.just(price * (1 - sign * D("0.02"))))),
        sizing=draw(likely_sizings(free, price, method)),
        stop_price=stop,
        targets=draw(
            st.lists(
                st.builds(
                    TargetSpec,
                    pct=small_percents,
                    share=st.decimals(min_value=D("0.05"), max_value=D("0.33"), places=2),
                ),
                max_size=3,
            ).map(tuple)
        ),
    )
    funds = {rules.quote_asset: free}
    policy = StrategyPolicy(
        name="likely",
        leverage=draw(st.integers(1, 20)),
        dca=draw(
            st.lists(
                st.builds(
                    DcaRung,
                    distance_pct=st.decimals(min_value=1, max_value=4, places=1),
                    size_scale=st.decimals(min_value=D("0.5"), max_value=3, places=1),
                ),
                max_size=2,
            ).map(tuple)
        ),
        reserve_pct=draw(st.decimals(min_value=0, max_value=50, places=1)),
        limits=Limits(
            max_notional=draw(maybe(st.decimals(min_value=10, max_value=1000000, places=2))),
            max_risk_pct=draw(maybe(small_percents)),
        ),
    )
    context = Context(
        now=NOW,
        received_at=NOW,
        policy=policy,
        rules=rules,
        mode=draw(st.sampled_from(PositionMode)),
        quote=quote,
        free=funds,
        total=funds,
    )
    return intent, context
