"""What every test gets: fast hashing, an empty cache, and no way out of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from django.core.cache import cache

LOCAL_NAMES = {"localhost", ""}
_connect = socket.socket.connect


class OutsideConnection(Exception):
    """A test tried to leave the machine."""


def connect_on_loopback(sock: socket.socket, address: Any) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(str(address[0])):
        raise OutsideConnection(f"tests may only talk to this machine, not to {address}")
    _connect(sock, address)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in LOCAL_NAMES


@pytest.fixture(autouse=True)
def stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", connect_on_loopback)


@pytest.fixture(autouse=True)
def hash_fast(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    yield
    cache.clear()
