"""The Celery application, the beat schedule, and what every worker starts beside its tasks."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvtrader.settings")

app = Celery("tvtrader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

log = logging.getLogger(__name__)
DAY_S = 24 * 60 * 60
app.conf.beat_schedule = {
    "end approvals that nobody gave": {"task": "tvtrader.trade.expire_approvals", "schedule": 10.0},
    "write down every account's equity": {"task": "tvtrader.ledger.snapshot_equity", "schedule": 3600.0},
    "forget ended sessions and processes": {"task": "tvtrader.house.clean_up", "schedule": DAY_S},
}


@signals.setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Leave logging as Django configured it; a connected receiver is all that Celery asks for."""


@signals.celeryd_init.connect
def be_patient(conf: Any = None, **_: Any) -> None:
    """Give workers patience with Redis; publishers, who answer a webhook, have none."""
    if conf is not None and str(conf.broker_url).startswith(("redis", "rediss")):
        conf.broker_transport_options = {
            "visibility_timeout": 60,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
        }


@signals.worker_init.connect
def start_companions(**_: Any) -> None:
    """Start the sweeper and the heartbeat; on worker_ready they would never start while Redis is down."""
    from tvtrader import companions
    from tvtrader.checks import enforce

    enforce()
    companions.start()


@signals.worker_shutdown.connect
def stop_companions(**_: Any) -> None:
    from tvtrader import companions

    companions.stop()
