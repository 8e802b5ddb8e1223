"""The settings under each environment that they can meet; each case is a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.settings_env import FIELD_KEY

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json
from tvtrader import settings as s
names = json.loads(input())
print(json.dumps({name: getattr(s, name) for name in names}, default=str))
"""


def ask(home: Path, *names: str, argv: Sequence[str] = (), env: Mapping[str, str] | None = None) -> dict[str, Any]:
    base = {"PATH": os.environ["PATH"], "TVTRADER_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", ASK, *argv], cwd=ROOT, env={**base, **(env or {})}, input=json.dumps(names),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_without_any_environment_it_is_local_sqlite_and_in_process(tmp_path: Path) -> None:
    found = ask(
        tmp_path, "DATABASES", "CELERY_BROKER_URL", "TVTRADER_LOCAL", "DEBUG", "SESSION_COOKIE_SECURE", "CACHES"
    )

    assert found["DATABASES"]["default"]["ENGINE"] == "tvtrader.db.sqlite3_fair"
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "var" / "tvtrader.sqlite3")
    assert found["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert found["CELERY_BROKER_URL"] == "memory://localhost"
    assert "locmem" in found["CACHES"]["default"]["BACKEND"]
    assert found["TVTRADER_LOCAL"] is True
    assert found["DEBUG"] is False
    assert found["SESSION_COOKIE_SECURE"] is False


@pytest.mark.parametrize(
    "env",
    [
        {"HOST": "0.0.0.0"},
        {"ALLOWED_HOSTS": "trader.example.org"},
        {"HOST": "127.0.0.1", "ALLOWED_HOSTS": "a.b,localhost"},
    ],
)
def test_any_way_in_from_outside_wants_https(tmp_path: Path, env: dict[str, str]) -> None:
    env = {"ALLOWED_HOSTS": "trader.example.org", **env} if env.get("HOST") == "0.0.0.0" else env

    found = ask(
        tmp_path, "TVTRADER_LOCAL", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", env=env
    )

    assert found == {
        "TVTRADER_LOCAL": False,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_SSL_REDIRECT": True,
    }


def test_proxy_headers_are_believed_only_from_a_named_proxy(tmp_path: Path) -> None:
    assert ask(tmp_path, "SECURE_PROXY_SSL_HEADER")["SECURE_PROXY_SSL_HEADER"] is None
    named = ask(tmp_path, "SECURE_PROXY_SSL_HEADER", env={"TRUSTED_PROXIES": "10.0.0.1/32"})
    assert named["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]


def test_postgres_keeps_connections_in_the_web_and_pools_them_in_workers(tmp_path: Path) -> None:
    url = {"DATABASE_URL": "postgres://user:pass%40word@db:5433/house", "REDIS_URL": "redis://:secret-word@r:6379/1"}

    web = ask(tmp_path, "DATABASES", "CELERY_BROKER_TRANSPORT_OPTIONS", env=url)["DATABASES"]["default"]
    worker = ask(tmp_path, "DATABASES", env={"TVTRADER_ROLE": "worker", **url})["DATABASES"]["default"]

    assert (web["USER"], web["PASSWORD"], web["HOST"], web["PORT"], web["NAME"]) == (
        "user", "pass@word", "db", 5433, "house",
    )  # fmt: skip
    assert (web["CONN_MAX_AGE"], web["CONN_HEALTH_CHECKS"], "pool" in web["OPTIONS"]) == (600, True, False)
    assert worker["CONN_MAX_AGE"] == 0
    assert worker["OPTIONS"]["pool"] == {"min_size": 0, "max_size": 14, "timeout": 5}
    assert not web["ATOMIC_REQUESTS"]


@pytest.mark.parametrize(
    ("argv", "role"), [(("worker",), "worker"), (("run_streams",), "worker"), (("migrate",), "web")]
)
def test_commands_know_their_role(tmp_path: Path, argv: tuple[str, ...], role: str) -> None:
    assert ask(tmp_path, "TVTRADER_ROLE", argv=argv)["TVTRADER_ROLE"] == role


def test_redis_publishers_do_not_wait(tmp_path: Path) -> None:
    found = ask(
        tmp_path, "CELERY_BROKER_URL", "CELERY_BROKER_TRANSPORT_OPTIONS", "CELERY_TASK_ACKS_LATE",
        env={"REDIS_URL": "redis://127.0.0.1:6379/1"},
    )  # fmt: skip

    assert found["CELERY_BROKER_URL"] == "redis://127.0.0.1:6379/1"
    assert found["CELERY_BROKER_TRANSPORT_OPTIONS"] == {
        "socket_timeout": 0.1, "socket_connect_timeout": 0.1, "max_retries": 0,
    }  # fmt: skip
    assert found["CELERY_TASK_ACKS_LATE"] is False


def test_a_secret_may_come_from_a_file_and_the_file_wins(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-the-file\n")

    found = ask(tmp_path, "SECRET_KEY", env={"SECRET_KEY": "from-the-environment", "SECRET_KEY_FILE": str(secret)})

    assert found["SECRET_KEY"] == "from-the-file"


def test_dotenv_fills_what_the_environment_leaves_open(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8100\nPAPER_SEED=11\n")

    assert ask(tmp_path, "PORT", "PAPER_SEED", env={"PORT": "8200"}) == {"PORT": 8200, "PAPER_SEED": 11}


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({}, "tvtrader.E001"),
        ({"SECRET_KEY": "short", "FIELD_ENCRYPTION_KEYS": FIELD_KEY}, "tvtrader.E001"),
        ({"SECRET_KEY": "k" * 50}, "tvtrader.E002"),
        ({"SECRET_KEY": "k" * 50, "FIELD_ENCRYPTION_KEYS": "no-fernet-key"}, "tvtrader.E003"),
        ({"SECRET_KEY": "k" * 50, "FIELD_ENCRYPTION_KEYS": FIELD_KEY, "ADMIN_API_KEY": "weak"}, "tvtrader.E004"),
    ],
)
def test_the_web_server_does_not_start_without_good_keys(tmp_path: Path, env: dict[str, str], code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import tvtrader.wsgi"], cwd=ROOT, check=False, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "TVTRADER_HOME": str(tmp_path), **env},
    )  # fmt: skip

    assert done.returncode != 0
    assert code in done.stderr
