"""What ./run prints: where to look, where alerts go, and one alert to try."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tvtrader.runner.demo import Door

SAMPLE = {"action": "entry", "side": "long", "symbol": "BTCUSDT"}


def render(*, base: str, home: Path, password: str | None, doors: Sequence[Door], version: str) -> str:
    """Return the start page. Line forms are stable: `console <url>`, `webhook <dialect> <endpoint> <url>`."""
    lines = [f"tvtrader {version} · home {home}", "", f"  console  {base}/admin/"]
    if password:
        lines += [f"  user     admin   password {password}   (shown this once; change it in the console)"]
    else:
        lines += ["  user     as before   (a new password: .venv/bin/python manage.py changepassword admin)"]
    lines += [f"  api      {base}/api/v1/docs/", ""]
    width = max((len(door.dialect) for door in doors), default=0)
    lines += [f"  webhook  {door.dialect:<{width}}  {door.name}  {base}{door.path}" for door in doors]
    native = next((door for door in doors if door.dialect == "native" and door.secret), None)
    if native:
        lines += ["", "  try it:", "", f"  {sample_curl(base + native.path)}"]
    return "\n".join([*lines, ""])


def sample_curl(url: str) -> str:
    """Return a command that enters long; size, stop and target are the strategy's."""
    return f"curl -sS -X POST {url} -H 'Content-Type: application/json' -d '{json.dumps(SAMPLE)}'"
