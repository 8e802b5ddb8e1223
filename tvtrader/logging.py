"""JSON logs in UTC from which secrets are gone, whoever wrote the line.

A secret is recognised by the name of its key, by its value once registered, and in webhook paths by its place.
Bodies of requests are never logged by us.
"""

from __future__ import annotations

import logging
import logging.config
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
SECRET_NAME = re.compile(
    r"secret|passw|passphrase|token|api_?-?key|authorization|cookie|signature|encryption_key|admin-?_?key|x-mbx-apikey",
    re.IGNORECASE,
)
BODY_NAMES = frozenset({"body", "raw_body", "request_body", "request"})
# A secret in a path: everything after /webhook/ but the public form /webhook/e/<name>.
WEBHOOK_PATH = re.compile(r"(/webhook/)(?!e/)[^\s/?#\"'<>]+")
SIGNED_QUERY = re.compile(r"((?:signature|listenKey|client_secret|token|passphrase)=)[^\s&\"']+", re.IGNORECASE)
SHORTEST = 6  # shorter values would hide ordinary words
MAX_DEPTH = 6

_secrets: set[str] = set()


def register_secrets(*values: str) -> None:
    """Have these values hidden wherever they turn up; of a URL, its password too."""
    for value in values:
        if len(value) >= SHORTEST:
            _secrets.add(value)
        if "://" in value and len(password := urlsplit(value).password or "") >= SHORTEST:
            _secrets.add(password)


def redact_text(text: str) -> str:
    """Return the text without registered values, webhook secrets and signed query parameters."""
    for value in sorted(_secrets, key=len, reverse=True):
        if value in text:
            text = text.replace(value, HIDDEN)
    text = WEBHOOK_PATH.sub(rf"\1{HIDDEN}", text)
    return SIGNED_QUERY.sub(rf"\1{HIDDEN}", text)


def redact_value(value: Any, depth: int = 0) -> Any:
    """Return a copy of plain data without secrets; other objects as their redacted text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if depth >= MAX_DEPTH:
        return HIDDEN
    if isinstance(value, Mapping):
        return {redact_text(str(key)): redact_item(str(key), item, depth) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item, depth + 1) for item in value]
    return redact_text(str(value))


def redact_item(name: str, value: Any, depth: int = 0) -> Any:
    """Return the value, or what stands for it if its name says that it is a secret or a body."""
    if value not in (None, "") and (SECRET_NAME.search(name) or name.lower() in BODY_NAMES):
        return HIDDEN
    return redact_value(value, depth + 1)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Structlog processor: the last one before the line is rendered."""
    return {key: value if key.startswith("_") else redact_item(key, value) for key, value in event.items()}


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]


def config(*, level: str, file: str = "", person: bool = False) -> dict[str, Any]:
    """Return the logging configuration: JSON to stderr, or to a file with only warnings on stderr.

    person: somebody reads the terminal (a command): warnings in plain words, beside what the command prints.
    """
    stderr = {"class": "logging.StreamHandler", "formatter": "json", "level": level}
    if file or person:
        stderr |= {"formatter": "plain", "level": "WARNING"}
    handlers: dict[str, Any] = {"stderr": stderr}
    if file:
        handlers["file"] = {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": file,
            "maxBytes": 10_000_000,
            "backupCount": 3,
            "delay": True,
            "formatter": "json",
            "level": level,
        }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "tvtrader.logging.formatter"},
            "plain": {"()": "tvtrader.logging.plain_formatter"},
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        "loggers": {
            # One line for each request of a stranger is noise; errors are not.
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "axes": {"level": "WARNING"},
            "celery": {"level": "WARNING"},
            "django_celery_beat": {"level": "WARNING"},
            # At DEBUG these print signed URLs and bodies.
            "urllib3": {"level": "WARNING"},
            "websockets": {"level": "WARNING"},
            "binance": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }


def formatter() -> logging.Formatter:
    """Return the formatter of one JSON object a line, for lines from structlog and from plain logging alike."""
    return _formatter(structlog.processors.JSONRenderer(default=str))


def plain_formatter() -> logging.Formatter:
    """Return the same for a person's eyes."""
    return _formatter(structlog.dev.ConsoleRenderer(colors=False, timestamp_key="at"))


def _formatter(renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.StackInfoRenderer(),
            redact,
            renderer,
        ],
    )


def configure(settings: dict[str, Any]) -> None:
    """Apply the configuration; Django calls this with LOGGING."""
    logging.config.dictConfig(settings)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
