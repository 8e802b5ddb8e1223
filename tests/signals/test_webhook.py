"""The door: every route, every answer of the contract, and whatever anybody may post."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections import Counter
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.client import ClientHandler
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from exchange import crypto
from exchange.models import TickerAlias, Venue
from signals import relay, throttle
from signals.models import EndpointSecret, Signal
from tests.factories import SECRET, AccountFactory, InstrumentFactory, StrategyFactory
from tests.signals.hostile_bodies import BODIES, CONTENT_TYPES, Body
from tests.signals.webhook import ENTRY, EXIT, make_endpoint, post, signed

pytestmark = pytest.mark.django_db

BALANCE = {"symbol": "BTCUSDT", "action": "close"}
ORDER = {"ticker": "BTCUSDT", "message": "exit"}
ROUTES = [
    ("native", "/webhook", EXIT),
    ("native", "/webhook/e/hook", EXIT),
    ("native", f"/webhook/{SECRET}", EXIT),
    ("strategy_alert", "/tradingview-to-webhook-order", ORDER),
    ("strategy_alert", "/tradingview-to-discord-study", ORDER),
    ("balance_percentage", "/binance/advanced-trading-webhook", BALANCE),
    ("balance_percentage", "/tradingview/binance/advanced-trading-webhook", BALANCE),
]


# ── routes and answers ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("dialect", "path", "alert"), ROUTES, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_route_takes_alerts(
    hints: list[int], dialect: str, path: str, alert: dict[str, Any], prefix: str, slash: str
) -> None:
    make_endpoint(name="hook", dialect=dialect)

    response = post(signed(alert), f"{prefix}{path}{slash}")

    signal = Signal.objects.get()
    status = "DONE" if "study" in path else "RECEIVED"
    assert response.status_code == 202
    assert response.json() == {
        "success": True, "message": response.json()["message"], "signal": signal.pk, "status": status,
        "url": f"/api/v1/signals/{signal.pk}/",
    }  # fmt: skip
    assert response.headers["Cache-Control"] == "no-store"
    assert not response.cookies


def test_the_inventory_of_routes_without_a_login() -> None:
    """A new route of the webhook must be added here, on purpose."""
    found = {
        pattern.name
        for pattern in _patterns(get_resolver().url_patterns)
        if getattr(pattern.callback, "view_class", None).__name__ == "AlertWebhook"  # type: ignore[union-attr]
    }

    assert found == {
        "webhook", "webhook-endpoint", "webhook-secret", "webhook-order", "webhook-study", "webhook-balance",
    }  # fmt: skip


def _patterns(entries: list[URLPattern | URLResolver]) -> list[URLPattern]:
    found: list[URLPattern] = []
    for entry in entries:
        if isinstance(entry, URLResolver):
            found += _patterns(entry.url_patterns)
        elif getattr(entry.callback, "view_class", None):
            found.append(entry)
    return found


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
@pytest.mark.parametrize("path", ["/webhook", f"/webhook/{SECRET}", "/api/binance/advanced-trading-webhook"])
def test_only_post_is_answered(method: str, path: str) -> None:
    make_endpoint()

    response = getattr(Client(), method)(path)

    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert "Access-Control-Allow-Origin" not in response.headers
    assert not Signal.objects.exists()


def test_the_same_alert_again_is_answered_with_the_first(hints: list[int]) -> None:
    make_endpoint()

    first = post(signed(EXIT)).json()["signal"]
    again = post(signed(EXIT))

    assert (again.status_code, again.json()) == (200, {"success": True, "duplicate": True, "signal": first})


def test_an_invalid_alert_is_answered_with_the_field_and_the_remedy() -> None:
    make_endpoint()

    response = post(signed({**ENTRY, "price": 100, "stop": 101}))

    assert response.status_code == 400
    assert response.json() == {
        "success": False,
        "error": {
            "code": "STOP_WRONG_SIDE",
            "field": "stop",
            "message": "the long stop 101 is not below the entry 100",
            "remedy": "A long needs its stop below every entry.",
        },
        "signal": Signal.objects.get().pk,
    }


def test_a_disabled_endpoint_is_answered_with_the_reason() -> None:
    make_endpoint(enabled=False)

    response = post(signed(EXIT))

    assert response.status_code == 202
    assert (response.json()["success"], response.json()["status"]) == (False, "REFUSED")
    assert response.json()["reason_code"] == "ENDPOINT_DISABLED"


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_the_content_type_does_not_matter(hints: list[int], content_type: str) -> None:
    make_endpoint()

    assert post(signed(EXIT), content_type=content_type).status_code == 202


def test_no_csrf_token_and_no_session_is_asked_for(hints: list[int]) -> None:
    make_endpoint()

    assert post(signed(EXIT), client=Client(enforce_csrf_checks=True)).status_code == 202


@pytest.mark.parametrize("path", ["/webhook?token=" + SECRET, "/webhook/e/hook?token=" + SECRET])
def test_a_secret_in_the_query_or_a_header_is_none(path: str) -> None:
    make_endpoint(name="hook")

    response = post(EXIT, path, headers={"x-token": SECRET, "authorization": f"Bearer {SECRET}"})

    assert response.status_code == 401


# ── sizes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_largest_body_passes_and_one_byte_more_does_not(hints: list[int], settings: Any) -> None:
    make_endpoint()
    body = json.dumps(signed(EXIT)).encode()

    assert post(body + b" " * (65_536 - len(body))).status_code == 202
    response = post(body + b" " * (65_537 - len(body)))
    assert (response.status_code, response.json()) == (413, {"success": False})
    assert post(b"x" * 2_000_000).status_code == 413


class Endless(io.RawIOBase):
    """A body without an end that counts what is read of it."""

    def __init__(self) -> None:
        self.taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "the whole body was asked for"
        self.taken += size
        return b"x" * size


def call(environ: dict[str, Any]) -> int:
    base = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/webhook", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "SCRIPT_NAME": "",
    }  # fmt: skip
    # The whole stack of middleware, without the signals that close the test's connection.
    return int(ClientHandler(enforce_csrf_checks=True)({**base, **environ}).status_code)


@pytest.mark.parametrize(
    ("length", "status", "most"),
    [
        ("2000000000", 413, 0),
        ("65537", 413, 0),
        ("-5", 400, 65_537),
        ("abc", 400, 65_537),
        ("", 400, 65_537),
        ("65536", 400, 65_537),
    ],
)
def test_no_more_is_read_than_the_limit(length: str, status: int, most: int) -> None:
    body = Endless()

    assert call({"CONTENT_LENGTH": length, "wsgi.input": body}) == status
    assert body.taken <= most


def test_a_caller_who_hangs_up_is_no_server_error() -> None:
    class Cut(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("connection reset")

    assert call({"CONTENT_LENGTH": "10", "wsgi.input": Cut()}) == 400


# ── hostile bodies ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_hostile_body_never_gets_a_server_error(hints: list[int], body: Body) -> None:
    make_endpoint(name="hook", duplicate_window_s=0)
    ways = [
        ("/webhook", SECRET), ("/webhook", "wrong-secret-of-nobody"), (f"/webhook/{SECRET}", SECRET),
        ("/webhook/e/hook", SECRET), ("/webhook/wrong-secret-of-nobody", "wrong-secret-of-nobody"),
    ]  # fmt: skip
    for number, (path, secret) in enumerate(ways):
        data = body.data.replace(b"@S@", secret.encode())
        content_type = CONTENT_TYPES[(len(body.name) + number) % len(CONTENT_TYPES)]
        before = Signal.objects.count()

        response = post(data, path, content_type=content_type)

        assert 200 <= response.status_code < 500
        answer = response.json()
        if response.status_code == 202:
            assert body.code is None
        if body.code is not None and response.status_code == 400:
            assert answer["error"]["code"] == body.code
        if secret != SECRET:
            assert response.status_code in (400, 401)
            assert Signal.objects.count() == before
        assert "Traceback" not in response.content.decode()
        assert SECRET not in response.content.decode()
    assert not Signal.objects.filter(body__contains=SECRET).exists()
    assert not Signal.objects.filter(intent__action__in=["OPEN", "ADD", "TARGET"]).exists()


def test_every_body_is_answered_alike_whatever_its_content_type(hints: list[int]) -> None:
    make_endpoint(duplicate_window_s=0)
    for body in [body for body in BODIES if body.code][::5]:
        data = body.data.replace(b"@S@", SECRET.encode())
        throttle.failures.clear()

        statuses = {post(data, content_type=content_type).status_code for content_type in CONTENT_TYPES}

        assert len(statuses) == 1, body.name


# ── strangers ─────────────────────────────────────────────────────────────────────────────────────────────────


STRANGERS: list[tuple[str, Any]] = [
    ("/webhook", EXIT),
    ("/webhook", {**EXIT, "token": None}),
    ("/webhook", {**EXIT, "token": 5}),
    ("/webhook", {**EXIT, "token": [SECRET]}),
    ("/webhook", {**EXIT, "token": "wrong-secret-of-nobody"}),
    ("/webhook", {**EXIT, "token": SECRET, "passphrase": "wrong-secret-of-nobody"}),
    ("/webhook", {"symbol": "<img src=x onerror=alert(1)>", "token": "wrong-secret-of-nobody"}),
    ("/webhook/wrong-secret-of-nobody", EXIT),
    ("/webhook/wrong-secret-of-nobody", b"\xff"),
    ("/webhook/%ff%00%0a", EXIT),
    (f"/webhook/{SECRET}%20", EXIT),
    (f"/webhook/{SECRET}%0a", EXIT),
    ("/webhook/e/hook", EXIT),
    ("/webhook/e/nobody", {**EXIT, "token": SECRET}),
    ("/webhook/e/hook", {**EXIT, "token": "secret-of-the-other-endpoint"}),
    ("/tradingview-to-webhook-order", {**ORDER, "passphrase": None}),
    ("/webhook", {}),
]


@pytest.mark.parametrize(("path", "alert"), STRANGERS)
def test_all_strangers_get_the_same_answer_for_the_same_work(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any, path: str, alert: Any
) -> None:
    make_endpoint(name="hook")
    make_endpoint(name="other", secret="secret-of-the-other-endpoint")
    digested: list[bytes] = []
    real = crypto.digests
    monkeypatch.setattr(crypto, "digests", lambda secret: digested.append(secret) or real(secret))  # type: ignore[func-returns-value]

    with django_assert_num_queries(1):
        response = post(alert, path)

    assert (response.status_code, response.json()) == (401, {"success": False})
    assert len(digested) == 4
    assert not Signal.objects.exists()


def test_an_expired_secret_costs_the_same_work(django_assert_num_queries: Any) -> None:
    from tests.factories import T0

    make_endpoint()
    EndpointSecret.objects.update(expires_at=T0)

    with django_assert_num_queries(1):
        assert post(signed(EXIT)).status_code == 401


def test_a_malformed_body_of_a_stranger_is_explained_but_not_kept() -> None:
    make_endpoint()

    response = post(b'{"price": NaN}')

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "NOT_A_NUMBER"
    assert "signal" not in response.json()
    assert not Signal.objects.exists()


def test_a_flood_of_strangers_is_slowed_down_and_the_owners_alerts_pass(hints: list[int]) -> None:
    make_endpoint(duplicate_window_s=0)

    statuses = Counter(post({**EXIT, "token": f"wrong-secret-{n}"}).status_code for n in range(300))
    garbage = post(b"garbage")
    owners = [post(signed(EXIT)).status_code for _ in range(20)]
    elsewhere = post(EXIT, REMOTE_ADDR="6.6.6.6")

    assert statuses[401] >= 20
    assert statuses[429] >= 250
    assert set(statuses) == {401, 429}
    assert garbage.status_code == 429
    assert int(garbage.headers["Retry-After"]) > 0
    assert owners == [202] * 20
    assert elsewhere.status_code == 401
    assert Signal.objects.count() == 20


# ── who is let in ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "status"),
    [
        ("52.89.214.238", "", [], 202),
        ("127.0.0.1", "", [], 403),
        ("6.6.6.6", "52.89.214.238", [], 403),
        ("6.6.6.6", "52.89.214.238", ["127.0.0.1"], 403),
        ("127.0.0.1", "52.89.214.238", ["127.0.0.1"], 202),
        ("127.0.0.1", "52.89.214.238, 6.6.6.6", ["127.0.0.1"], 403),
        ("127.0.0.1", "6.6.6.6, 52.89.214.238", ["127.0.0.1"], 202),
        ("127.0.0.1", "::ffff:52.89.214.238", ["127.0.0.1"], 403),
        ("127.0.0.1", "", ["1"], 403),
        ("127.0.0.1", "52.89.214.238, 6.6.6.6", ["1"], 403),
        ("127.0.0.1", "6.6.6.6, 52.89.214.238", ["1"], 202),
    ],
)
def test_the_address_list_cannot_be_talked_around(
    hints: list[int], settings: Any, peer: str, forwarded: str, trusted: list[str], status: int
) -> None:
    settings.WEBHOOK_ALLOWED_IPS = "tradingview"
    settings.TRUSTED_PROXIES = trusted
    make_endpoint()

    extra: dict[str, Any] = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    response = post(
        signed(EXIT), REMOTE_ADDR=peer, HTTP_X_REAL_IP="52.89.214.238", HTTP_FORWARDED="for=52.89.214.238", **extra
    )

    assert response.status_code == status
    assert Signal.objects.exists() is (status == 202)


# ── dependencies that fail ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
def test_a_database_that_cannot_be_written_is_answered_503(hints: list[int]) -> None:
    make_endpoint()

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raise OperationalError("disk full")

    begun = time.perf_counter()
    with connection.execute_wrapper(fail):
        response = post(signed(EXIT))

    assert (response.status_code, response.json()) == (503, {"success": False})
    assert int(response.headers["Retry-After"]) > 0
    assert time.perf_counter() - begun < 2.9
    assert post(signed(EXIT)).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_a_callback_that_raises_does_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(lane_id: int) -> None:
        raise RuntimeError("no broker")

    monkeypatch.setattr(relay, "hint", fail)
    make_endpoint()

    response = post(signed(EXIT))

    assert response.status_code == 202
    assert Signal.objects.get().status == "RECEIVED"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("listening", [True, False])
def test_a_broker_that_hangs_or_refuses_does_not_slow_the_answer(
    monkeypatch: pytest.MonkeyPatch, listening: bool
) -> None:
    from tests.signals.test_relay import publisher

    make_endpoint(duplicate_window_s=0)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if listening:
            listener.listen(8)
        sender = relay.Relay(send=publisher(listener.getsockname()[1]), pause_s=0.05)
        monkeypatch.setattr(relay, "relay", sender)
        post(signed(EXIT))  # the first request pays for imports

        statuses, times = set(), []
        for _ in range(20):
            begun = time.perf_counter()
            statuses.add(post(signed(EXIT)).status_code)
            times.append(time.perf_counter() - begun)

    assert statuses == {202}
    # A publish within the request would cost each of them the time-out of the socket, 0.1 s, at least.
    assert min(times) < 0.1


@pytest.mark.django_db(transaction=True)
def test_twenty_identical_requests_at_once_are_one_signal(hints: list[int]) -> None:
    make_endpoint()
    answers: list[Any] = []
    gate = threading.Barrier(20)

    def one() -> None:
        gate.wait(10)
        try:
            answers.append(post(signed(EXIT)))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 19}
    assert {answer.json()["signal"] for answer in answers} == {Signal.objects.get(status="RECEIVED").pk}
    assert len(hints) == 1


def test_the_secret_of_a_path_is_not_logged(hints: list[int], caplog: pytest.LogCaptureFixture) -> None:
    make_endpoint()
    caplog.set_level("DEBUG")

    for body in (EXIT, EXIT, b"x", {**EXIT, "bad": 1}, {**EXIT, "token": "wrong-secret-of-nobody"}, b"x" * 70_000):
        post(body, f"/webhook/{SECRET}")
    Client().get(f"/webhook/{SECRET}")

    assert SECRET not in caplog.text
    assert SECRET not in repr([record.__dict__ for record in caplog.records])


def test_each_dialect_goes_through_the_door(hints: list[int]) -> None:
    alerts: dict[str, dict[str, Any]] = {
        "native": ENTRY,
        "spot": {"symbol": "BTCUSDT", "action": "buy", "buy_quote_amount": "100"},
        "strategy_alert": {"ticker": "BTCPERP", "action": "buy", "message": "entry", "price": 5, "long SL": 4},
        "entry_exit": {"event": "ENTRY", "symbol": "BTCUSDT.P", "signal_side": "LONG", "entry_price": 5},
        "bracket": {"symbol": "BTCUSDT", "action": "LONG", "tp": 6, "sl": 4},
        "balance_percentage": {"symbol": "BTCUSDT", "action": "buy", "balance_percentage": 0.25},
    }
    TickerAlias.objects.create(venue=Venue.PAPER_USDM, ticker="BTCPERP", symbol="BTCUSDT")
    InstrumentFactory(venue=Venue.PAPER_SPOT, symbol="BTCUSDT")
    for dialect, alert in alerts.items():
        venue = Venue.PAPER_SPOT if dialect == "spot" else Venue.PAPER_USDM
        strategy = StrategyFactory(account=AccountFactory(venue=venue))
        make_endpoint(dialect=dialect, strategy=strategy, secret=f"secret-of-{dialect}-endpoint")

        response = post(signed(alert, f"secret-of-{dialect}-endpoint"))

        assert response.status_code == 202, (dialect, response.json())
    assert {(signal.intent or {})["action"] for signal in Signal.objects.all()} == {"OPEN"}
