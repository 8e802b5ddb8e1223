"""./run as a person meets it: start, stop, start again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 60
STOP_WITHIN_S = 5

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start_and_stop(home: Path, port: int, number: signal.Signals) -> str:
    env = {"PATH": os.environ["PATH"], "TVTRADER_HOME": str(home), "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tvtrader.runner"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        printed = ""
        deadline = time.monotonic() + READY_WITHIN_S
        while "\nready on " not in printed:
            line = process.stdout.readline()
            printed += line
            assert line, printed
            assert time.monotonic() < deadline, printed
        process.send_signal(number)
        rest, _ = process.communicate(timeout=STOP_WITHIN_S)
    finally:
        process.kill()
    assert process.returncode == 0, printed + rest
    return printed + rest


def test_the_first_start_makes_everything_and_the_second_reuses_it(tmp_path: Path) -> None:
    port = free_port()

    first = start_and_stop(tmp_path, port, signal.SIGINT)
    keys = (tmp_path / ".env").read_text()
    second = start_and_stop(tmp_path, port, signal.SIGTERM)

    doors = re.findall(r"^  webhook  (\w+) .*/webhook/[0-9a-f]{64}$", first, re.MULTILINE)
    assert sorted(doors) == ["balance_percentage", "bracket", "entry_exit", "native", "spot", "strategy_alert"]
    assert doors == re.findall(r"^  webhook  (\w+) .*/webhook/[0-9a-f]{64}$", second, re.MULTILINE)
    assert "password " in first
    assert "shown this once" not in second
    assert (tmp_path / ".env").read_text() == keys
    assert (tmp_path / "var" / "tvtrader.sqlite3").stat().st_mode & 0o077 == 0
    for printed in (first, second):
        assert "Traceback" not in printed
        assert "stopped" in printed
