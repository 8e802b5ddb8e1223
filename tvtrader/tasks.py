"""Housekeeping tasks."""

from __future__ import annotations

import logging

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from tvtrader import pulse

log = logging.getLogger(__name__)


@shared_task(name="tvtrader.house.clean_up")
def clean_up(**_: object) -> None:
    """Forget ended sessions and processes."""
    call_command("clearsessions")
    forgotten = pulse.forget_dead(now=timezone.now())
    if forgotten:
        log.info("forgot %d processes that ended without saying so", forgotten)
