"""`python -m tvtrader.runner`: prepares what is missing, starts the threads, serves until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from tvtrader.runner.doors import CannotStart, listen, take_home
from tvtrader.runner.env_file import ensure_env_file

ROOT = Path(__file__).resolve().parent.parent.parent
STOP_WITHIN_S = 4.0
WEB_THREADS = 8
log = logging.getLogger("tvtrader.runner")
BODY_LIMIT = 1_048_576  # the intake's own limit is lower and answers in JSON


def main() -> None:
    began = time.monotonic()
    # SIGINT too: a shell starts background jobs with it ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupt)
    os.umask(0o077)  # keys, database and logs are for their owner
    home = Path(os.environ.get("TVTRADER_HOME") or ROOT).resolve()
    try:
        lock = take_home(home)
        prepare_environment(home)
        sock, base = open_door()
        run(sock, base=base, home=home, began=began)
    except CannotStart as exc:
        print(f"error: {exc}", file=sys.stderr)
        raise SystemExit(1) from exc
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        if "lock" in locals():
            lock.close()


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def prepare_environment(home: Path) -> None:
    """Set the names that the settings read; what is set already stays."""
    made = ensure_env_file(home / ".env", environ=os.environ)
    if made:
        print(f"made {home / '.env'} with {', '.join(made)}", flush=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvtrader.settings")
    os.environ["TVTRADER_HOME"] = str(home)
    os.environ["TVTRADER_ROLE"] = "embedded"
    os.environ.setdefault("LOG_FILE", str(home / "var" / "tvtrader.log"))


def open_door() -> tuple[socket.socket, str]:
    """Bind before anything else, so that a taken port is told at once; return the socket and the service's URL."""
    from django.conf import settings

    host: str = settings.HOST
    sock = listen(host, settings.PORT)
    port = sock.getsockname()[1]
    shown = host if ":" not in host else f"[{host}]"
    return sock, f"http://{'127.0.0.1' if host in ('0.0.0.0', '') else shown}:{port}"  # noqa: S104  # shown, not bound


def run(sock: socket.socket, *, base: str, home: Path, began: float) -> None:
    """Prepare the database, start the threads, serve; stop all of it within 5 s of the signal."""
    import django

    django.setup()

    from tvtrader import __version__
    from tvtrader.runner import database, demo, page
    from tvtrader.runner.threads import Background

    database.migrate()
    demo.ensure_demo()
    server = make_server(sock)
    background = Background()
    status = 0
    try:
        background.start()
        doors = demo.list_doors()
        # Made last: a start that fails before it can print must not have used up the one time.
        password = demo.ensure_admin()
        print(page.render(base=base, home=home, password=password, doors=doors, version=__version__))
        print(f"ready on {base}/ in {time.monotonic() - began:.1f} s", flush=True)
        server.run()  # returns on KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    except Exception:
        log.exception("the service could not go on")
        status = 1
    finish(server, background, status)


def make_server(sock: socket.socket) -> Any:
    import waitress
    from django.conf import settings

    from tvtrader.wsgi import application

    logging.getLogger("waitress").setLevel(logging.ERROR)
    return waitress.create_server(
        application,
        sockets=[sock],
        threads=WEB_THREADS,
        ident="tvtrader",
        max_request_body_size=BODY_LIMIT,
        # Our own code reads these headers, and only from the proxies that are named.
        clear_untrusted_proxy_headers=not settings.TRUSTED_PROXIES,
    )


def finish(server: Any, background: Any, status: int) -> None:
    """Stop everything; what does not end in time is cut off, as by a crash, which the design survives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("stopping", flush=True)
    server.close()
    if cut := background.stop(STOP_WITHIN_S):
        log.info("cut off: %s", ", ".join(cut))
    print("stopped", flush=True)
    logging.shutdown()
    sys.stdout.flush()
    # Pool threads are not daemons: the interpreter would wait for a venue's answer here.
    os._exit(status)


if __name__ == "__main__":
    main()
