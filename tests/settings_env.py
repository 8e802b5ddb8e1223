"""Gives the suite an environment of its own before pytest-django reads the settings.

Loaded by `-p` in pyproject.toml. Nothing of the developer's environment or `.env` reaches the tests; servers are used
only if TVTRADER_TEST_ON=servers and TEST_DATABASE_URL and TEST_REDIS_URL name them.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

FIELD_KEY = "dGVzdC1vbmx5LWtleS10aGF0LWlzLW5vdC1zZWNyZXQ="  # 32 bytes that say what they are
OURS = (
    "ADMIN_API_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "DEBUG", "DISCORD_BOT_TOKEN",
    "FIELD_ENCRYPTION_KEYS", "HOST", "LOG_FILE", "NOTIFY_ERROR_URLS", "NOTIFY_URLS", "PORT", "REDIS_URL", "SECRET_KEY",
    "TRUSTED_PROXIES", "TVTRADER_LOCAL", "TVTRADER_ROLE", "WEBHOOK_ALLOWED_IPS", "PAPER_PRICES", "CACHE_ROUTES_PUBLIC",
)  # fmt: skip


def prepare() -> None:
    for name in OURS:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ["SECRET_KEY"] = "tests-only-" + "k" * 50
    os.environ["FIELD_ENCRYPTION_KEYS"] = FIELD_KEY
    os.environ["LOG_LEVEL"] = "WARNING"
    # Threaded tests use several connections; the file has its own directory so that two runs do not meet.
    if "TVTRADER_TEST_HOME" not in os.environ:
        home = tempfile.mkdtemp(prefix="tvtrader-test-")
        os.environ["TVTRADER_TEST_HOME"] = home  # workers of xdist inherit it
        atexit.register(forget, Path(home), os.getpid())
    os.environ["TVTRADER_HOME"] = os.environ["TVTRADER_TEST_HOME"]
    if os.environ.get("TVTRADER_TEST_ON") == "servers":
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
        os.environ["REDIS_URL"] = os.environ["TEST_REDIS_URL"]


def forget(home: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked child
        shutil.rmtree(home, ignore_errors=True)


prepare()
