"""Makes `.env`: the keys of this house, random, readable by its owner only."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

HEADER = "# Made by ./run. Keep it: without these keys, stored secrets cannot be read. See .env.example.\n"


def new_fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


GENERATED: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "FIELD_ENCRYPTION_KEYS": new_fernet_key,
    "DEMO_WEBHOOK_SECRET": lambda: secrets.token_urlsafe(32),
}


def ensure_env_file(path: Path, *, environ: Mapping[str, str]) -> list[str]:
    """Add the keys that neither the file nor the environment has; return their names."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEADER
    have = _names(text) | {name for name in GENERATED if environ.get(name) or environ.get(f"{name}_FILE")}
    missing = [name for name in GENERATED if name not in have]
    if missing:
        # The first line of a name wins, so an empty one must go.
        kept = [line for line in text.splitlines() if _name_of(line) not in missing]
        added = [f"{name}={GENERATED[name]()}" for name in missing]
        _write_private(path, "\n".join([*kept, *added, ""]))
    elif path.exists():
        path.chmod(0o600)
    return missing


def _names(text: str) -> set[str]:
    """Return the names that a line of the file gives a value."""
    lines = [line for line in text.splitlines() if line.partition("=")[2].strip(" \t\"'")]
    return {_name_of(line).removesuffix("_FILE") for line in lines} - {""}


def _name_of(line: str) -> str:
    name = line.strip().removeprefix("export ").partition("=")[0].strip()
    return "" if name.startswith("#") else name


def _write_private(path: Path, text: str) -> None:
    """Replace the file in one step, so that a killed start leaves the old keys or the new ones, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
