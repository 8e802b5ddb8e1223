"""Celery tasks: wake-up calls only; ids travel, authority is read from the rows."""

from __future__ import annotations

from celery import shared_task

from signals import approvals, worker


@shared_task(name="tvtrader.trade.work_lane")
def work_lane(*, lane_id: int, **_: object) -> None:
    """Work one lane; harmless when repeated, late or forged."""
    worker.work_lane(lane_id)


@shared_task(name="tvtrader.trade.expire_approvals")
def expire_approvals(**_: object) -> None:
    """End approvals that nobody gave."""
    approvals.expire_approvals()
