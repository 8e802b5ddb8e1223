"""What the caller may conclude when a venue call fails."""

from __future__ import annotations

from datetime import timedelta


class ExchangeError(Exception):
    """Base of all venue errors; `code` is the venue's own code as text, empty if it gave none."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class OrderRejected(ExchangeError):
    """The venue refused the request: the order does not exist and never will.

    `would_trigger`: the trigger price is already passed. `nothing_to_reduce`: there is no position to shrink.
    `target_passed`: of a pair, the market is at the target's price or beyond it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        would_trigger: bool = False,
        nothing_to_reduce: bool = False,
        target_passed: bool = False,
    ) -> None:
        super().__init__(message, code=code)
        self.would_trigger = would_trigger
        self.nothing_to_reduce = nothing_to_reduce
        self.target_passed = target_passed


class NotSent(ExchangeError):
    """The request was certainly not executed (throttled, service unavailable): it may be sent again later."""

    def __init__(self, message: str, *, code: str = "", retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class OutcomeUnknown(ExchangeError):
    """The request may have been executed: ask by client order id, never send it again unasked."""


class QueryFailed(ExchangeError):
    """A read failed: says nothing about what exists."""


class AccountUnusable(ExchangeError):
    """Key revoked, permission missing, wrong environment: stop using the account until a person has mended it."""
