"""Every worked example leads to exactly its orders, or to its refusal with the figures."""

from __future__ import annotations

import pytest

from ledger.domain.plan import Outcome
from signals.planner import plan
from signals.preview import preview
from tests.signals.examples.cases import CASES, Case


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_example_leads_to_its_orders(case: Case) -> None:
    decision = plan(case.intent, case.context)
    rows = preview(decision, case.context)

    assert (decision.outcome, decision.code) == (case.outcome, case.code), decision.reason
    found = [(r["leg"], r["side"], r["type"], r["quantity"], r["price"], r["trigger_price"]) for r in rows]
    assert found == list(case.orders)
    for row in rows:
        assert row["symbol"] == case.context.rules.symbol
        assert row["position_side"] == case.position_side
        assert row["reduce_only"] is (case.reduce_only and row["role"] not in ("ENTRY", "DCA"))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES if case.says])
def test_example_says_its_figures(case: Case) -> None:
    reason = plan(case.intent, case.context).reason

    assert [part for part in case.says if part not in reason] == [], reason


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_every_refusal_has_a_remedy(case: Case) -> None:
    decision = plan(case.intent, case.context)

    assert decision.code.isupper()
    assert decision.reason
    assert bool(decision.remedy) is (decision.outcome is Outcome.REFUSE)
