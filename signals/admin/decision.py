"""What the decision page of a signal shows: from the raw alert to the fills, with every reason on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import prefetch_related_objects

from exchange.formats import NOTHING, link, when
from ledger import rows
from ledger.models import Trade
from signals import exact_json
from signals.models import Signal
from signals.timeline import Step, timeline

STAGE_WORDS = {
    "received": "Alert received",
    "stored": "Stored, the sender has its answer",
    "queued": "Lane made due",
    "started": "A worker took it",
    "planned": "Decided",
    "sent": "First order sent",
    "acknowledged": "First order acknowledged",
    "filled": "First fill",
    "protected": "Stop acknowledged",
    "done": "Done",
}
PLAN_COLUMNS = (
    ("leg", "Leg"),
    ("side", "Side"),
    ("type", "Type"),
    ("quantity", "Quantity"),
    ("price", "Price"),
    ("trigger_price", "Trigger"),
    ("position_side", "Position side"),
    ("reduce_only", "Reduce only"),
)


def decision_context(signal: Signal) -> dict[str, Any]:
    """Return what the template shows; few queries, whatever the number of orders."""
    trade: Any = None
    if signal.trade_id:
        trades = Trade.objects.select_related("account", "strategy")
        trade = rows.with_protection(rows.with_assets(trades)).get(pk=signal.trade_id)
        signal.trade = trade
        prefetch_related_objects([trade], "orders__fills")
    orders = rows.list_orders(trade) if trade else []
    word = rows.protection(trade) if trade else ""
    return {
        "signal": signal,
        "facts": _facts(signal),
        "body": pretty(signal.body),
        "ignored": signal.ignored_fields or [],
        "intent": list(flatten(signal.intent or {})),
        "plan": signal.plan or {},
        "plan_columns": [label for _, label in PLAN_COLUMNS],
        "plan_rows": _plan_rows(signal.plan or {}),
        "trade": trade,
        "trade_link": link(trade),
        "protection": word,
        "protection_color": rows.PROTECTION_COLORS.get(word, ""),
        "orders": orders,
        "fills": rows.list_fills(orders),
        "base": rows.assets_of(trade)[0] if trade else "",
        "quote": rows.assets_of(trade)[1] if trade else "",
        "notices": list(trade.notices.order_by("id")) if trade else [],
        "steps": _steps(timeline(signal)),
        "duplicates": list(signal.duplicates.order_by("id")[:20]),
    }


def pretty(body: str) -> str:
    """Return the alert indented if it is a sound JSON object, else as it came; digits stay as they were written."""
    try:
        parsed = exact_json.loads(body)
        text = exact_json.dumps(parsed, indent=2)
        text.encode()  # half of a character can be written as an escape, but not on a page
    except (ValueError, RecursionError):
        return body
    return text if isinstance(parsed, dict) else body


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield what an intent says as rows of a table; what it leaves open is left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for place, inner in enumerate(value, start=1):
            yield from flatten(inner, f"{name} {place}")
    elif value is True:
        yield name, "yes"
    elif value not in (None, "", False):
        yield name, str(value)


def _facts(signal: Signal) -> list[tuple[str, Any]]:
    return [
        ("Received", when(signal.received_at, fine=True)),
        ("Fired, says the alert", when(signal.alert_at, fine=True)),
        ("Endpoint", link(signal.endpoint)),
        ("Dialect", signal.get_dialect_display()),
        ("Strategy", link(signal.strategy)),
        ("Account", link(signal.strategy.account)),
        ("Symbol", signal.symbol or NOTHING),
        ("Trade", link(signal.trade)),
        ("Own id", signal.own_id or NOTHING),
        ("Attempts", str(signal.attempts)),
    ]


def _plan_rows(plan: dict[str, Any]) -> list[list[str]]:
    return [[_cell(row.get(key)) for key, _ in PLAN_COLUMNS] for row in plan.get("orders") or []]


def _cell(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _steps(steps: list[Step]) -> list[dict[str, Any]]:
    whole = steps[-1].at - steps[0].at if steps else timedelta()
    return [
        {
            "stage": step.stage,
            "words": STAGE_WORDS[step.stage],
            "at": when(step.at, fine=True),
            "after": duration(step.after),
            "since": duration(step.at - steps[0].at),
            # A whole percent of the signal's life, for the bar.
            "share": round(100 * (step.after / whole)) if whole else 0,
        }
        for step in steps
    ]


def duration(span: timedelta) -> str:
    """Return a span as a person reads it: 3.2 ms, 1.54 s, 4 min 10 s, 2 d 3 h."""
    micro = span // timedelta(microseconds=1)
    if micro < 1_000_000:
        return f"{micro // 1000}.{micro % 1000 // 100} ms"
    seconds = micro // 1_000_000
    if seconds < 60:
        return f"{seconds}.{micro % 1_000_000 // 10_000:02d} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
