from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from exchange.types import Direction
from ledger.models import Lane, Notice
from signals import codec
from signals.intents import Action, Intent
from signals.interpret import Route
from signals.models import Delivery, Endpoint, EndpointSecret, Signal
from signals.services import receive
from signals.services.receive import Verdict
from tests.factories import SECRET, T0
from tests.signals.services.delivery import deliver
from tests.signals.webhook import ENTRY, EXIT, make_endpoint, signed

pytestmark = pytest.mark.django_db


def test_an_accepted_alert_is_a_row_with_its_intent_and_a_due_lane(
    endpoint: Endpoint, hints: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        receipt = deliver({**ENTRY, "stop": 50000, "time": "2026-03-02T11:59:50Z"})

    signal = Signal.objects.get()
    lane = Lane.objects.get()
    assert (receipt.verdict, receipt.signal, receipt.status) == (Verdict.ACCEPTED, signal.pk, "RECEIVED")
    assert (signal.endpoint, signal.strategy, signal.dialect) == (endpoint, endpoint.strategy, "native")
    assert (signal.symbol, signal.received_at, signal.alert_at) == ("BTCUSDT", T0, T0 - timedelta(seconds=10))
    intent = codec.load(Intent, signal.intent)
    assert (intent.action, intent.direction) == (Action.OPEN, Direction.LONG)
    assert (lane.account, lane.symbol, lane.wake_at) == (endpoint.strategy.account, "BTCUSDT", T0)
    assert signal.lane == lane
    assert hints == [lane.pk]


def test_an_invalid_alert_is_kept_explained_and_announced(endpoint: Endpoint, hints: list[int]) -> None:
    receipt = deliver({**ENTRY, "price": 100, "stop": 101})

    signal = Signal.objects.get()
    assert (receipt.verdict, receipt.signal) == (Verdict.INVALID, signal.pk)
    assert (signal.status, signal.reason_code, signal.done_at) == ("INVALID", "STOP_WRONG_SIDE", T0)
    assert "101" in signal.reason
    assert signal.remedy
    assert Notice.objects.get().code == "STOP_WRONG_SIDE"
    assert not Lane.objects.exists()
    assert hints == []


def test_an_old_entry_has_expired(endpoint: Endpoint) -> None:
    receipt = deliver({**ENTRY, "time": "2026-03-02T11:58:00Z"})

    assert (receipt.verdict, receipt.status) == (Verdict.INVALID, "EXPIRED")
    assert Signal.objects.get().reason_code == "STALE"
    assert "120 s old" in Signal.objects.get().reason


def test_a_body_that_is_no_json_is_kept_for_the_owner_of_the_secret(endpoint: Endpoint) -> None:
    for secret, body in ((SECRET, b"BTCUSDT buy"), (None, b'{"price": NaN, "token": "' + SECRET.encode() + b'"}')):
        receipt = deliver(body, secret=secret)

        assert receipt.verdict is Verdict.INVALID
        assert receipt.signal is not None
    assert [signal.reason_code for signal in Signal.objects.order_by("id")] == ["NOT_JSON", "NOT_A_NUMBER"]


def test_a_stranger_leaves_no_trace(endpoint: Endpoint) -> None:
    assert deliver(ENTRY, secret="wrong-secret-of-nobody").verdict is Verdict.STRANGER
    assert deliver(ENTRY, secret=None).verdict is Verdict.STRANGER
    assert deliver(b"nonsense", secret="wrong-secret-of-nobody").verdict is Verdict.STRANGER
    unsigned = deliver(b"nonsense", secret=None)

    assert (unsigned.verdict, unsigned.signal) == (Verdict.INVALID, None)
    assert not Signal.objects.exists()
    assert not Notice.objects.exists()


@pytest.mark.parametrize(
    ("secrets", "known"),
    [
        ({"token": SECRET}, True),
        ({"passphrase": SECRET}, True),
        ({"client_secret": SECRET}, True),
        ({"token": SECRET, "passphrase": SECRET, "client_secret": SECRET}, True),
        ({"token": SECRET, "passphrase": "other-secret-of-nobody"}, False),
        ({"token": SECRET, "passphrase": None}, False),
        ({"token": SECRET, "passphrase": ""}, False),
        ({"token": SECRET, "passphrase": 5}, False),
        ({"token": [SECRET]}, False),
        ({"token": None}, False),
        ({"token": SECRET + " "}, False),
        ({"token": SECRET.upper()}, False),
        ({"Token": SECRET}, False),
        ({"auth": {"token": SECRET}}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("named", [None, "hook"])
def test_all_secrets_of_a_body_must_be_right(secrets: dict[str, Any], known: bool, named: str | None) -> None:
    make_endpoint(name="hook")

    receipt = deliver({**EXIT, **secrets}, secret=None, endpoint=named)

    assert (receipt.verdict is not Verdict.STRANGER) is known
    assert Signal.objects.exists() is known


def test_a_secret_in_the_body_must_be_right_beside_one_in_the_path(endpoint: Endpoint) -> None:
    assert deliver(signed(EXIT, "wrong-secret-of-nobody")).verdict is Verdict.STRANGER
    assert deliver(signed(EXIT)).verdict is Verdict.ACCEPTED


def test_secrets_of_two_endpoints_do_not_mix(endpoint: Endpoint) -> None:
    other = make_endpoint(name="other", secret="secret-of-the-other-endpoint")

    assert deliver(signed(EXIT, "secret-of-the-other-endpoint")).verdict is Verdict.STRANGER
    assert deliver(signed(EXIT), secret=None, endpoint="other").verdict is Verdict.STRANGER
    assert deliver(signed(EXIT), secret=None, endpoint="nobody").verdict is Verdict.STRANGER
    deliver(signed(EXIT, "secret-of-the-other-endpoint"), secret=None, endpoint="other")
    assert Signal.objects.get().endpoint == other


def test_an_expired_secret_is_a_strangers(endpoint: Endpoint) -> None:
    EndpointSecret.objects.update(expires_at=T0 + timedelta(seconds=10))

    assert deliver(EXIT, after=9).verdict is Verdict.ACCEPTED
    assert deliver(EXIT, after=10).verdict is Verdict.STRANGER


def test_a_disabled_endpoint_refuses_but_keeps_the_alert(endpoint: Endpoint, hints: list[int]) -> None:
    Endpoint.objects.update(enabled=False)

    receipt = deliver(EXIT)

    signal = Signal.objects.get()
    assert (receipt.verdict, signal.status, signal.reason_code) == (
        Verdict.ACCEPTED, "REFUSED", "ENDPOINT_DISABLED",
    )  # fmt: skip
    assert (signal.intent or {})["action"] == "CLOSE"
    assert not Lane.objects.exists()
    # Nothing was taken: once enabled, the same alert acts.
    Endpoint.objects.update(enabled=True)
    assert deliver(EXIT, after=1).status == "RECEIVED"


def test_an_announcement_is_done_at_once(hints: list[int]) -> None:
    make_endpoint(dialect="strategy_alert")

    receipt = deliver({"ticker": "BTCUSDT", "action": "buy", "message": "entry", "price": 5}, route=Route.STUDY)

    signal = Signal.objects.get()
    assert (receipt.status, signal.reason_code, signal.lane) == ("DONE", "ANNOUNCED", None)
    assert "BTCUSDT buy entry 5" in Notice.objects.get().message


def test_the_same_body_is_announced_and_traded(hints: list[int]) -> None:
    make_endpoint(dialect="strategy_alert")
    alert = {"ticker": "BTCUSDT", "message": "exit"}

    assert deliver(alert, route=Route.STUDY).verdict is Verdict.ACCEPTED
    assert deliver(alert, route=Route.ORDER).verdict is Verdict.ACCEPTED
    assert deliver(alert, route=Route.ORDER).verdict is Verdict.DUPLICATE


def test_entries_wait_for_a_person_where_the_strategy_says_so_and_exits_do_not(
    endpoint: Endpoint, hints: list[int]
) -> None:
    endpoint.strategy.mode = "approve"
    endpoint.strategy.save()

    assert deliver(ENTRY).status == "AWAITING_APPROVAL"
    assert not Lane.objects.exists()
    assert deliver({"symbol": "BTCUSDT", "action": "long"}).status == "AWAITING_APPROVAL"
    assert deliver(EXIT).status == "RECEIVED"
    assert deliver({"symbol": "BTCUSDT", "action": "flat"}).status == "RECEIVED"


# ── the duplicate rule ────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_content_within_the_window_counts_once(endpoint: Endpoint) -> None:
    first = deliver({**ENTRY, "price": 100})
    twin = deliver(b' { "price":100, "action" : "enter_long","symbol":"BTCUSDT"}', after=59.9)

    assert (twin.verdict, twin.signal) == (Verdict.DUPLICATE, first.signal)
    row = Signal.objects.get(status="DUPLICATE")
    assert (row.duplicate_of_id, row.lane) == (first.signal, None)
    assert Lane.objects.get().bumps == 1


def test_the_window_is_counted_from_the_first_delivery_and_then_it_trades_again(endpoint: Endpoint) -> None:
    first = deliver(EXIT)
    assert deliver(EXIT, after=59).signal == first.signal
    again = deliver(EXIT, after=60)
    assert again.verdict is Verdict.ACCEPTED
    # The window moved with the alert that acted.
    assert deliver(EXIT, after=119).signal == again.signal
    assert deliver(EXIT, after=120).verdict is Verdict.ACCEPTED


def test_resends_across_a_full_minute_are_one(endpoint: Endpoint) -> None:
    first = deliver(EXIT, after=59)

    assert [deliver(EXIT, after=59 + gap).signal for gap in (5, 10, 15)] == [first.signal] * 3


def test_a_clock_that_was_set_back_does_not_open_the_window(endpoint: Endpoint) -> None:
    first = deliver(EXIT)

    assert deliver(EXIT, after=-3600).signal == first.signal


@pytest.mark.parametrize(
    ("window", "gap", "verdict"), [(5, 4, Verdict.DUPLICATE), (5, 5, Verdict.ACCEPTED), (0, 0, Verdict.ACCEPTED)]
)
def test_an_endpoint_has_its_own_window(endpoint: Endpoint, window: int, gap: int, verdict: Verdict) -> None:
    Endpoint.objects.update(duplicate_window_s=window)
    deliver(EXIT)

    assert deliver(EXIT, after=gap).verdict is verdict


def test_different_content_and_other_endpoints_are_no_duplicates(endpoint: Endpoint) -> None:
    other = make_endpoint(secret="secret-of-the-other-endpoint", strategy=endpoint.strategy)
    deliver(EXIT)

    assert deliver({**EXIT, "note": "x"}).verdict is Verdict.ACCEPTED
    assert deliver(EXIT, secret="secret-of-the-other-endpoint").verdict is Verdict.ACCEPTED
    assert other.signals.count() == 1


def test_an_own_id_counts_for_ever_and_instead_of_the_content(endpoint: Endpoint) -> None:
    first = deliver({**EXIT, "id": "a"})

    assert deliver({**ENTRY, "id": "a"}, after=10**7).signal == first.signal
    assert deliver({**EXIT, "id": "b"}).verdict is Verdict.ACCEPTED
    assert deliver({**EXIT, "id": 5}).verdict is Verdict.ACCEPTED
    assert deliver({**EXIT, "id": "5"}).verdict is Verdict.DUPLICATE
    assert Signal.objects.get(pk=first.signal or 0).own_id == "a"


@pytest.mark.parametrize("own", [{}, {"id": "seven"}])
@pytest.mark.parametrize(("alert", "verdict"), [(EXIT, Verdict.ACCEPTED), (ENTRY, Verdict.DUPLICATE)])
def test_only_an_exit_that_failed_may_be_sent_again_at_once(
    endpoint: Endpoint, hints: list[int], alert: dict[str, str], own: dict[str, str], verdict: Verdict
) -> None:
    first = deliver({**alert, **own})
    Signal.objects.filter(pk=first.signal or 0).update(status="FAILED", reason_code="INTERNAL_ERROR")

    assert deliver({**alert, **own}, after=10).verdict is verdict
    assert deliver({**alert, **own}, after=11).verdict is Verdict.DUPLICATE


def test_an_alert_that_was_refused_may_come_again_corrected(endpoint: Endpoint) -> None:
    assert deliver({**ENTRY, "id": "a", "price": 100, "stop": 101}).verdict is Verdict.INVALID

    assert deliver({**ENTRY, "id": "a", "price": 100, "stop": 99}).verdict is Verdict.ACCEPTED


def test_the_secret_is_no_part_of_the_content(endpoint: Endpoint) -> None:
    first = deliver(EXIT)

    assert deliver(signed(EXIT)).signal == first.signal


# ── nothing that is stored or logged knows the secret ─────────────────────────────────────────────────────────


CANARY = 'canary-"quoted"/\\é-secret'


@pytest.mark.parametrize(
    "alert",
    [
        {**EXIT, "token": CANARY},
        {**EXIT, "token": CANARY, "note": f"my secret is {CANARY}", CANARY: CANARY, "x": [{"y": CANARY}]},
        {**EXIT, "token": CANARY, "id": CANARY},
        {"symbol": CANARY, "action": CANARY, "token": CANARY, "subaccount": CANARY, "exchange": CANARY},
        {**ENTRY, "token": CANARY, "price": CANARY, "time": CANARY},
        {**ENTRY, "token": CANARY, "targets": [{"price": CANARY}]},
    ],
)
@pytest.mark.parametrize("broken", ["", "}", ",", "\x00"])
def test_the_secret_is_gone_from_every_row_and_line(
    hints: list[int], caplog: pytest.LogCaptureFixture, alert: dict[str, Any], broken: str
) -> None:
    endpoint = make_endpoint(secret=CANARY, strict=False)
    caplog.set_level("DEBUG")
    body = (json.dumps(alert) + broken).encode()

    receipt = deliver(body, secret=CANARY)

    assert receipt.verdict is not Verdict.STRANGER
    stored = [repr(vars(row)) for model in (Signal, Notice, Delivery, Lane) for row in model.objects.all()]
    for text in [*stored, caplog.text, repr(receipt), repr(receipt.problem and receipt.problem.as_dict())]:
        for spelling in (CANARY, json.dumps(CANARY)[1:-1], repr(CANARY)[1:-1], "canary"):
            assert spelling not in text
    assert endpoint.signals.count() == 1


def test_a_fault_of_ours_is_stored_and_not_a_crash(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(**_: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(receive, "interpret", fault)

    receipt = deliver(EXIT)

    assert receipt.problem is not None
    assert receipt.problem.code == "INTERNAL_ERROR"
    assert Signal.objects.get().status == "INVALID"
