"""What only one process may have: the port, and the directory with the database."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path
from typing import IO


class CannotStart(Exception):
    """The service cannot start; the message says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; raises CannotStart if the port is taken or the address is not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise CannotStart(f"HOST={host} is no address to listen on ({exc}). Use 127.0.0.1 or 0.0.0.0.") from exc
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as exc:
        sock.close()
        raise CannotStart(
            f"Port {port} on {host} cannot be used ({exc.strerror}). Stop what listens there, or choose another: "
            f"PORT={port + 1} ./run"
        ) from exc
    return sock


def take_home(home: Path) -> IO[str]:
    """Return the held lock of the directory; the system frees it when the process ends, however it ends."""
    (home / "var").mkdir(parents=True, exist_ok=True)
    lock = (home / "var" / "run.lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        lock.close()
        raise CannotStart(
            f"{home} is in use by another ./run. Stop that one, or give this one its own place: "
            "TVTRADER_HOME=/another/directory PORT=8001 ./run"
        ) from exc
    return lock
