from __future__ import annotations

import os
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

import pytest
from celery import Celery, current_app

from signals import relay
from signals.relay import Relay


def until(condition: Callable[[], bool], *, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.005)


def test_hints_are_sent_in_order_by_one_thread() -> None:
    sent: Queue[tuple[int, str]] = Queue()
    relayed = Relay(send=lambda lane: sent.put((lane, threading.current_thread().name)))

    for lane in range(50):
        assert relayed.hint(lane)

    assert [sent.get(timeout=5) for _ in range(50)] == [(lane, "relay") for lane in range(50)]


def test_a_full_queue_drops_hints_without_waiting() -> None:
    gate, started = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        started.set()
        gate.wait(10)

    relayed = Relay(send=hang, capacity=3)
    relayed.hint(0)
    assert started.wait(5)

    begun = time.perf_counter()
    taken = [relayed.hint(lane) for lane in range(1000)]
    took = time.perf_counter() - begun
    gate.set()

    assert taken.count(True) == 3
    assert took < 0.5


def test_an_error_empties_the_queue_and_the_next_hint_is_sent_again() -> None:
    sent: list[int] = []
    failing, entered = threading.Event(), threading.Event()
    failing.set()

    def send(lane: int) -> None:
        if failing.is_set():
            entered.set()
            until(lambda: relayed._queue.qsize() == 5)
            raise OSError("no broker")
        sent.append(lane)

    relayed = Relay(send=send, pause_s=0.05)
    relayed.hint(0)
    assert entered.wait(5)
    for lane in range(1, 6):
        relayed.hint(lane)
    until(lambda: relayed._queue.empty())
    failing.clear()
    relayed.hint(99)

    until(lambda: sent == [99])


def test_hint_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def hint(self, lane_id: int) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(relay, "relay", Broken())

    relay.hint(1)


def test_a_forked_child_starts_its_own_thread() -> None:
    sent: Queue[int] = Queue()
    relayed = Relay(send=sent.put)
    relayed.hint(1)
    assert sent.get(timeout=5) == 1

    parent_thread = relayed._thread
    relayed.reset()  # what register_at_fork does in the child
    relayed.hint(2)

    assert sent.get(timeout=5) == 2
    assert relayed._thread is not parent_thread


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_the_real_relay_survives_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(relay.relay, "_send", lambda lane: os.write(writer, bytes([lane])))
    relay.hint(1)
    assert os.read(reader, 1) == b"\x01"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later dislike what servers do
        child = os.fork()
    if child == 0:  # pragma: no cover  # another process
        relay.hint(2)
        until(lambda: relay.relay._queue.empty())
        time.sleep(0.05)
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reader, 1) == b"\x02"
    os.close(reader)
    os.close(writer)


@pytest.fixture
def silent_broker() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def no_broker() -> int:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    listener.close()
    return port


def publisher(port: int) -> Callable[[int], Any]:
    app = Celery("test", broker=f"redis://127.0.0.1:{port}/0", set_as_current=False)
    app.conf.task_publish_retry_policy = {"max_retries": 0}
    app.conf.broker_transport_options = {"socket_timeout": 5, "socket_connect_timeout": 5, "max_retries": 0}
    return lambda lane: app.send_task(relay.TASK, kwargs={"lane_id": lane}, retry=False, ignore_result=True)


@pytest.mark.parametrize("broker", ["silent_broker", "no_broker"])
def test_a_broker_that_hangs_or_refuses_costs_a_hint_nothing(broker: str, request: pytest.FixtureRequest) -> None:
    relayed = Relay(send=publisher(request.getfixturevalue(broker)), capacity=10, pause_s=0.05)

    begun = time.perf_counter()
    for lane in range(200):
        relayed.hint(lane)
    took = time.perf_counter() - begun

    assert took < 0.5


def test_lanes_reach_the_broker_of_the_settings_from_any_thread() -> None:
    from django.conf import settings

    brokers: Queue[str] = Queue()

    thread = threading.Thread(target=lambda: brokers.put(current_app.conf.broker_url))
    thread.start()
    thread.join()

    assert brokers.get(timeout=5) == settings.CELERY_BROKER_URL
