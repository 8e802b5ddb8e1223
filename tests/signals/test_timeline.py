"""Which orders speak for a signal, and that its stages stand in the order of time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger.domain.plan import LegKind
from ledger.models import Order
from signals.models import Signal
from signals.timeline import STAGES, timeline
from tests.factories import T0, LegFactory, OrderFactory, SignalFactory
from tests.story import tell

pytestmark = pytest.mark.django_db


def at(milliseconds: int) -> Any:
    return T0 + timedelta(milliseconds=milliseconds)


def test_an_exit_is_told_by_its_own_orders_and_has_no_protection() -> None:
    story = tell()
    Order.objects.update(created_at=at(35))
    leg = LegFactory(trade=story.trade, kind=LegKind.EXIT)
    exit_order = OrderFactory(leg=leg, quantity=Decimal("0.02"), submitted_at=at(5040), acknowledged_at=at(5060))
    Order.objects.filter(pk=exit_order.pk).update(created_at=at(5030))
    signal = SignalFactory(
        endpoint=story.endpoint, trade=story.trade, status=Signal.Status.DONE, plan={"outcome": "CLOSE"},
        received_at=at(5000), started_at=at(5010), planned_at=at(5020), done_at=at(5100),
    )  # fmt: skip
    Signal.objects.filter(pk=signal.pk).update(stored_at=at(5005))
    signal.refresh_from_db()

    moments = {step.stage: step.at for step in timeline(signal)}

    assert moments["sent"] == at(5040)
    assert moments["acknowledged"] == at(5060)
    assert "protected" not in moments
    assert "filled" not in moments


def test_the_first_of_several_entries_counts() -> None:
    story = tell()
    Order.objects.update(created_at=at(35))
    leg = LegFactory(trade=story.trade, kind=LegKind.DCA)
    late = OrderFactory(leg=leg, quantity=Decimal(1), submitted_at=at(60), acknowledged_at=at(65))
    Order.objects.filter(pk=late.pk).update(created_at=at(55))

    moments = {step.stage: step.at for step in timeline(Signal.objects.get(pk=story.signal.pk))}

    # The entry went out at 40 and was answered at 70; the add was answered at 65.
    assert (moments["sent"], moments["acknowledged"]) == (at(40), at(65))


def test_stages_stand_in_the_order_of_time_with_the_time_between() -> None:
    signal = SignalFactory(
        status=Signal.Status.REFUSED, received_at=at(0), started_at=at(20), planned_at=at(20), done_at=at(30)
    )
    Signal.objects.filter(pk=signal.pk).update(stored_at=at(4))
    signal.refresh_from_db()

    steps = timeline(signal)

    assert [step.stage for step in steps] == ["received", "stored", "queued", "started", "planned", "done"]
    assert [step.after // timedelta(milliseconds=1) for step in steps] == [0, 4, 0, 16, 0, 10]
    assert {step.stage for step in steps} <= set(STAGES)


def test_an_alert_refused_at_the_door_is_not_done_before_it_is_stored() -> None:
    signal = SignalFactory(status=Signal.Status.INVALID, lane=None, received_at=at(0), done_at=at(0))
    Signal.objects.filter(pk=signal.pk).update(stored_at=at(9))
    signal.refresh_from_db()

    assert [step.stage for step in timeline(signal)] == ["received", "stored", "done"]


@pytest.mark.parametrize("plan", [None, {}, {"outcome": "SOMETHING_OF_LATER"}, {"outcome": None}])
def test_a_plan_of_another_version_breaks_nothing(plan: Any) -> None:
    story = tell()
    Signal.objects.filter(pk=story.signal.pk).update(plan=plan)

    assert "sent" not in {step.stage for step in timeline(Signal.objects.get(pk=story.signal.pk))}
