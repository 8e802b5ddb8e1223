"""What is wrong with an alert, in words that tell its author what to change."""

from __future__ import annotations

STALE = "STALE"


class Problem(Exception):
    """An alert that can't be used: a code for machines, the field, what is wrong, and the remedy.

    Never carries the alert's secret: callers build it from payloads whose secret is removed.
    """

    def __init__(self, code: str, field: str = "", message: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.code = code[:48]
        self.field = field[:64]
        self.message = message[:500]
        self.remedy = remedy[:500]

    @property
    def expired(self) -> bool:
        """Whether the alert was fine but came too late."""
        return self.code == STALE

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "field": self.field, "message": self.message, "remedy": self.remedy}


def shown(value: object, length: int = 60) -> str:
    """Return a value of an alert as it may stand in a message: quoted, plain ASCII, cut."""
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= length else text[: length - 1] + "…"
