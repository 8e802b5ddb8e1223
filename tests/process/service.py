"""The service as a process of its own, started as ./run starts it, and an HTTP client for it."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 60.0
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DEMO_WEBHOOK_SECRET", "PORT", "HOST")
READY = re.compile(r"^ready on (http://\S+?)/ in ([\d.]+) s$")
WEBHOOK = re.compile(r"^\s+webhook\s+\S+\s+(\S+)\s+(http\S+)\s*$")


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Return our environment without what would lead a child to the developer's or the suite's house."""
    env = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("TVTRADER_")}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return {**env, "TVTRADER_HOME": str(home), "PYTHONUNBUFFERED": "1", "LOG_LEVEL": "WARNING", **more}


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str, every_s: float = 0.002) -> Any:
    """Return the condition's first true value; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(every_s)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the service said; status 0: it said nothing, because it died."""

    status: int
    body: Any = None


def call(base: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """GET, or POST if there is a body; a connection that breaks is an answer too."""
    place = urlsplit(base)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=15)
    try:
        connection.request(
            "GET" if body is None else "POST",
            path,
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json", **(headers or {})},
        )
        response = connection.getresponse()
        content = response.read()
        return Answer(status=response.status, body=json.loads(content) if content else None)
    except (OSError, http.client.HTTPException):
        return Answer(status=0)
    finally:
        connection.close()


class Service:
    """One run of the embedded service; the next run in the same home goes on with what is on its disk."""

    def __init__(self, home: Path, *, key: str, **settings: str) -> None:
        self.home, self.key = home, key
        self.base = ""
        self.started_in = 0.0
        self.doors: dict[str, str] = {}
        self.lines: list[str] = []
        self._said: queue.Queue[str | None] = queue.Queue()
        env = clean_environment(home, PORT="0", HOST="127.0.0.1", ADMIN_API_KEY=key, PAPER_PRICES="walk", **settings)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tvtrader.runner"], cwd=ROOT, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with self.process.stdout or open(os.devnull) as stream:  # noqa: PTH123  # for the type only: it is a pipe
            for line in stream:
                self.lines.append(line.rstrip("\n"))
                self._said.put(self.lines[-1])
        self._said.put(None)

    def wait_until_ready(self) -> Service:
        """Return self once alerts are welcome; fails with what the process printed."""
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            line = self._said.get(timeout=max(0.1, deadline - time.monotonic()))
            if line is None:
                raise AssertionError(f"the service ended with {self.process.wait()}:\n" + "\n".join(self.lines[-40:]))
            if found := WEBHOOK.match(line):
                self.doors[found[1]] = urlsplit(found[2]).path
            if found := READY.match(line):
                self.base, self.started_in = found[1], float(found[2])
                return self

    def post(self, door: str, alert: Mapping[str, Any]) -> Answer:
        """Deliver an alert: door is a path, or an endpoint's name from the start page."""
        return call(self.base, self.doors.get(door, door), alert)

    def get(self, path: str) -> Any:
        answer = call(self.base, path, headers={"X-Admin-Key": self.key})
        assert answer.status == 200, (path, answer)
        return answer.body

    def kill(self) -> None:
        """End it as `kill -9` does, between any two instructions."""
        self.process.kill()
        self.process.wait(10)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Ask it to end; return its exit status and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(30)
        return status, time.monotonic() - began


def new_key() -> str:
    return secrets.token_urlsafe(32)


def manage(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a management command in a home, as its owner would."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *arguments], cwd=ROOT, env=clean_environment(home, **settings),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90, check=False,
    )  # fmt: skip
