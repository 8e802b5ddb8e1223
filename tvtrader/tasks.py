"""Housekeeping tasks."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from exchange.streams import forget_delivered
from tvtrader import pulse

log = logging.getLogger(__name__)


@shared_task(name="tvtrader.house.clean_up")
def clean_up(**_: object) -> None:
    """Forget ended sessions and processes, and what the paper venue has told long ago."""
    call_command("clearsessions")
    forget_delivered(before=timezone.now() - timedelta(days=7))
    forgotten = pulse.forget_dead(now=timezone.now())
    if forgotten:
        log.info("forgot %d processes that ended without saying so", forgotten)
