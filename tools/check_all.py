"""Runs the checks and the suite, one after another, and says at the end what passed and what did not.

With arguments: only pytest, with these arguments, on SQLite. The suite runs on servers as well when
TEST_DATABASE_URL and TEST_REDIS_URL name them; no server that nobody named is ever touched.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ["tvtrader", "signals", "ledger", "exchange"]
SCRIPTS = ["run", "test", ".ci/newcomer"]
BIN = Path(sys.executable).parent
OWN_FIELD_KEY = "dGVzdC1vbmx5LWtleS10aGF0LWlzLW5vdC1zZWNyZXQ="
SERVERS = ("TEST_DATABASE_URL", "TEST_REDIS_URL")
PYTEST_NO_TESTS = 5


def main():
    arguments = sys.argv[1:]
    if arguments:
        os.chdir(str(ROOT))
        os.environ.pop("TVTRADER_TEST_ON", None)
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])
    results = []
    for name, command, env in static_checks() + suites():
        results.append((name, step(name, command, env)))
    ran = "SQLite and on the named PostgreSQL and Redis" if servers_named() else "SQLite only (no servers named)"
    print("\n" + "\n".join("%-7s %s" % ("ok" if ok else "FAILED", name) for name, ok in results))
    print("the suite ran on " + ran)
    raise SystemExit(0 if all(ok for _, ok in results) else 1)


def servers_named():
    named = [name for name in SERVERS if os.environ.get(name)]
    if len(named) == 1:
        print("error: set both %s and %s, or neither" % SERVERS, file=sys.stderr)
        raise SystemExit(2)
    return len(named) == len(SERVERS)


def step(name, command, env):
    print("\n── %s" % name, flush=True)
    began = time.monotonic()
    code = subprocess.run(command, cwd=str(ROOT), env=env, check=False).returncode
    print("── %s: %s in %.1f s" % (name, "ok" if code == 0 else "exit status %d" % code, time.monotonic() - began))
    return code == 0


def static_checks():
    plain = clean_environment()
    production = dict(plain, **production_environment())
    scripts = [script for script in SCRIPTS if (ROOT / script).exists()]
    sources = [*ROOMS, "tests", "benchmarks", "tools", "manage.py", *scripts]
    manage = [sys.executable, "-W", "ignore", "manage.py"]
    return [
        ("format", [tool("ruff"), "format", "--check", *sources], plain),
        ("lint", [tool("ruff"), "check", *sources], plain),
        ("types", [tool("mypy"), *ROOMS, "tests", "benchmarks", "manage.py"], production),
        ("import contracts", [tool("lint-imports")], plain),
        ("missing migrations", [*manage, "makemigrations", "--check", "--dry-run"], production),
        ("deployment", [*manage, "check", "--deploy", "--fail-level", "WARNING"], production),
    ]


def suites():
    found = [("tests on SQLite", pytest(), clean_environment())]
    if servers_named():
        env = dict(clean_environment(), TVTRADER_TEST_ON="servers")
        # The embedded service brings its own SQLite: what kills it has been run already.
        embedded = ["--ignore=tests/process/test_kill_the_service.py", "--ignore=tests/process/test_start_and_stop.py"]
        found.append(("tests on PostgreSQL and Redis", pytest("-m", "not browser", *embedded), env))
    return found


def pytest(*more):
    return [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *list(more)]


def tool(name):
    return str(BIN / name)


def clean_environment():
    env = {name: value for name, value in os.environ.items() if not name.startswith("TVTRADER_")}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    return env


def production_environment():
    """Settings as behind a TLS proxy, so that the deployment checks judge what a server would run."""
    home = tempfile.mkdtemp(prefix="tvtrader-check-")
    return {
        "TVTRADER_HOME": home,
        "TVTRADER_ROLE": "web",
        "HOST": "0.0.0.0",  # noqa: S104  # judged, not bound
        "ALLOWED_HOSTS": "trader.example.org",
        "TRUSTED_PROXIES": "10.0.0.0/8",
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "FIELD_ENCRYPTION_KEYS": OWN_FIELD_KEY,
        "DEBUG": "off",
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "LOG_LEVEL": "WARNING",
    }


if __name__ == "__main__":
    main()
