"""Reads settings from the process environment, from NAME_FILE files and from `.env`."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import environ
from environ.fileaware_mapping import FileAwareMapping


class SecretFiles(FileAwareMapping):  # type: ignore[misc]  # environ ships no types
    """The environment, where NAME_FILE names a file that holds NAME; the newline that editors add is dropped."""

    def __getitem__(self, key: str) -> str:
        return str(super().__getitem__(key)).rstrip("\r\n")


class Environment(environ.Env):  # type: ignore[misc]  # environ ships no types
    """django-environ with NAME_FILE variants of every setting."""

    ENVIRON = SecretFiles()


def read_environment(home: Path) -> Environment:
    """Return the environment after adding what `.env` in home says and the process does not."""
    env = Environment()
    if (home / ".env").is_file():
        env.read_env(home / ".env")
    return env


def is_loopback(host: str) -> bool:
    """Tell whether a bind address or an allowed host name can only mean this machine."""
    if host in {"localhost", ".localhost"}:
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_wildcard(host: str) -> bool:
    """Tell whether a bind address means every interface, so that it names no host."""
    try:
        return ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return host in {"", "*"}
