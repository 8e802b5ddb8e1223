"""What a person has to be told: one row and one log line each."""

from __future__ import annotations

import structlog

from exchange.models import Account
from ledger.models import Notice, Trade

log = structlog.get_logger(__name__)

MESSAGE_LENGTH = 500


def notify(
    *, level: str, code: str, message: str, account: Account | None = None, trade: Trade | None = None
) -> Notice:
    """Store a notice and log it; belongs to the caller's transaction, so what is rolled back was not announced."""
    notice = Notice.objects.create(
        level=level,
        code=code,
        message=message[:MESSAGE_LENGTH],
        account=account if account is not None or trade is None else trade.account,
        trade=trade,
    )
    write = {Notice.Level.ALARM: log.error, Notice.Level.WARNING: log.warning}.get(Notice.Level(level), log.info)
    write(
        "notice",
        level_name=level,
        code=code,
        message=message,
        account=str(notice.account) if notice.account else None,
        trade=trade.public_id if trade else None,
    )
    return notice
