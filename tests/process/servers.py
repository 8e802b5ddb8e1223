"""Production in small: web, workers and streams as processes, on a database and a Redis number of their own."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from tests.process.service import ROOT, call, clean_environment, wait_until
from tvtrader.runner.env_file import ensure_env_file

REDIS_NUMBER_APART = 3  # from the suite's own
START_WITHIN_S = 60.0


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=path))


@contextmanager
def own_servers() -> Iterator[dict[str, str]]:
    """Make a database and take a Redis number for the block; yields the settings that name them."""
    name = f"tvtrader_process_{secrets.token_hex(4)}"
    admin, broker = os.environ["TEST_DATABASE_URL"], os.environ["TEST_REDIS_URL"]
    number = (int(urlsplit(broker).path.strip("/") or 0) + REDIS_NUMBER_APART) % 16
    settings = {"DATABASE_URL": _with_path(admin, f"/{name}"), "REDIS_URL": _with_path(broker, f"/{number}")}
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        flush(settings)
        try:
            yield settings
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            flush(settings)


def flush(settings: dict[str, str]) -> None:
    """Let Redis forget everything under our number: its messages were hints only."""
    with redis.Redis.from_url(settings["REDIS_URL"]) as connection:
        connection.flushdb()


class Program:
    """One process of the house, with its output in a file; it is started anew after every death."""

    def __init__(self, name: str, arguments: Sequence[str], *, home: Path, settings: dict[str, str]) -> None:
        self.name, self._arguments = name, arguments
        self._env = clean_environment(home, **settings)
        self._log = home / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", *self._arguments], cwd=ROOT, env=self._env, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it with its children at once; a program that was never started is none."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)


class Production:
    """Two workers, streams and a web server on the servers that settings name."""

    def __init__(self, home: Path, settings: dict[str, str]) -> None:
        ensure_env_file(home / ".env", environ={})
        self.home, self.settings = home, settings
        self.base = f"http://127.0.0.1:{_free_port()}"
        bind = self.base.removeprefix("http://")
        celery = ["-m", "celery", "-A", "tvtrader", "worker", "-P", "threads", "-c", "4"]
        quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
        web = [
            "-m",
            "gunicorn",
            "tvtrader.wsgi:application",
            "--bind",
            bind,
            "--worker-class",
            "gthread",
            "--no-control-socket",
        ]
        self.web = self._program("web", [*web, "--workers", "2", "--threads", "4"], role="web")
        self.streams = self._program("streams", ["manage.py", "run_streams"], role="worker")
        self.workers = [
            self._program(f"worker-{n}", [*celery, "-n", f"w{n}@here", *quiet], role="worker") for n in "12"
        ]

    def _program(self, name: str, arguments: Sequence[str], *, role: str) -> Program:
        return Program(name, arguments, home=self.home, settings={**self.settings, "TVTRADER_ROLE": role})

    @property
    def programs(self) -> list[Program]:
        return [self.web, self.streams, *self.workers]

    def start(self) -> None:
        """Start everything and wait until alerts are welcome and both workers live."""
        for program in self.programs:
            program.start()
        wait_until(lambda: call(self.base, "/health").status == 200, seconds=START_WITHIN_S, what="the web server")
        for program in (self.streams, *self.workers):
            self.wait_for(program)

    def wait_for(self, program: Program) -> None:
        """Wait for the sign of life of a process."""
        question = "SELECT 1 FROM tvtrader_pulse WHERE name LIKE %s"
        with psycopg.connect(self.settings["DATABASE_URL"], autocommit=True) as connection:
            wait_until(
                lambda: connection.execute(question, [f"%:{program.pid}"]).fetchone(),
                seconds=START_WITHIN_S,
                what=program.name,
            )

    def close(self) -> None:
        for program in self.programs:
            program.kill()

    def logs(self) -> str:
        """Return the ends of what the processes wrote."""
        return "\n".join(
            f"── {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in self.home.glob("*.log")
        )


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
