"""Settings of every process, read from the environment, NAME_FILE files and `$TVTRADER_HOME/.env`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
from kombu import Queue

from tvtrader import databases
from tvtrader import logging as house_logging
from tvtrader.environment import is_loopback, is_wildcard, read_environment
from tvtrader.unfold import FORMAT_MODULE_PATH, UNFOLD  # noqa: F401  # settings by their names

# Lets our classes name their types as `models.Field[str, str]` and `ModelAdmin[Trade]` at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
# The one direct read: `.env` lies in this directory, so it cannot say where that is.
TVTRADER_HOME = Path(os.environ.get("TVTRADER_HOME") or BASE_DIR).resolve()
env = read_environment(TVTRADER_HOME)

# ── who and where we are ──────────────────────────────────────────────────────────────────────────────────────
# The commands of the production processes say their role themselves; a role in the environment wins.
_WORKING = bool({"worker", "beat", "run_streams"} & set(sys.argv[1:]))
TVTRADER_ROLE = env.str("TVTRADER_ROLE", default="worker" if _WORKING else "web")
if TVTRADER_ROLE not in {"web", "worker", "embedded"}:
    raise ValueError(f"TVTRADER_ROLE is {TVTRADER_ROLE!r}: use web, worker or embedded")
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=8)

DEBUG = env.bool("DEBUG", default=False)
# An empty key fails the startup checks (and whatever signs something); commands that need none still work.
SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=[])
ADMIN_API_KEY = env.str("ADMIN_API_KEY", default="")

# The service's outside names; probes on the machine itself always may.
_NAMES = env.list("ALLOWED_HOSTS", default=[]) or ([] if is_wildcard(HOST) else [HOST])
ALLOWED_HOSTS = [*_NAMES, *({"localhost", "127.0.0.1", "[::1]"} - set(_NAMES))]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
WEBHOOK_ALLOWED_IPS = env.str("WEBHOOK_ALLOWED_IPS", default="")
# Plain http is for this machine only: one outside name, or another bind address, and cookies want https.
TVTRADER_LOCAL = env.bool("TVTRADER_LOCAL", default=is_loopback(HOST) and all(map(is_loopback, _NAMES)))

# ── what it is made of ────────────────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "django_celery_beat",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "rest_framework.authtoken",
    "exchange",
    "ledger",
    "signals",
    "tvtrader",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "tvtrader.urls"
WSGI_APPLICATION = "tvtrader.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "tvtrader" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "static/"
# Served from the packages themselves: nothing to collect, in ./run and in a container alike.
WHITENOISE_USE_FINDERS = True
LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# ── where it keeps things ─────────────────────────────────────────────────────────────────────────────────────
DATABASES = {
    "default": databases.from_environment(env, home=TVTRADER_HOME, role=TVTRADER_ROLE, concurrency=WORKER_CONCURRENCY)
}
REDIS_URL = env.str("REDIS_URL", default="")
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "tvtrader",
        # A Redis that accepts but does not answer must not hold a request.
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "tvtrader"}
}

# ── background work: the queue is a hint, the rows are the truth ──────────────────────────────────────────────
CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_TASK_IGNORE_RESULT = True
# Late acknowledgement ends a Celery 5.7.0 worker that loses Redis while a task runs.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"socket_timeout": 0.1, "socket_connect_timeout": 0.1, "max_retries": 0}
    if REDIS_URL
    else {"polling_interval": 0.005}
)
# A bare `celery worker` serves every queue; the list is what makes it so.
CELERY_TASK_QUEUES = (Queue("trade"), Queue("slow"), Queue("celery"))
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_ROUTES = {"tvtrader.trade.*": {"queue": "trade"}, "tvtrader.notify.*": {"queue": "slow"}}
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = WORKER_CONCURRENCY
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# ── the API ───────────────────────────────────────────────────────────────────────────────────────────────────
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tvtrader.auth.AdminKeyAuthentication",
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tvtrader.auth.ReadOrAdmin"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "tvtrader",
    "DESCRIPTION": "TradingView alerts, the trades they led to, and the ledger of both.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "ENUM_NAME_OVERRIDES": {
        "LegKindEnum": "tvtrader.schema.leg_kinds",
        "OrderTypeEnum": "tvtrader.schema.order_types",
        "IncomeKindEnum": "tvtrader.schema.income_kinds",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# ── the console ───────────────────────────────────────────────────────────────────────────────────────────────
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
# Name and address together: a stranger who knows the name must not be able to lock its owner out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "password"]
AXES_CLIENT_IP_CALLABLE = "tvtrader.client.address_of"
AXES_VERBOSE = False
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# ── the door ──────────────────────────────────────────────────────────────────────────────────────────────────
_HTTPS = not DEBUG and not TVTRADER_LOCAL
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=_HTTPS)
# Probes inside a container network speak http, and learn nothing that needs hiding.
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HTTPS
# Only a proxy that we were told of may say that the outside spoke https.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# W021: to be preloaded into browsers is the domain owner's decision, and hard to take back.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

# ── our own ───────────────────────────────────────────────────────────────────────────────────────────────────
INTAKE_DUPLICATE_WINDOW_S = env.int("INTAKE_DUPLICATE_WINDOW_S", default=60)
INTAKE_MAX_BODY_BYTES = env.int("INTAKE_MAX_BODY_BYTES", default=65536)
SWEEP_INTERVAL_S = env.float("SWEEP_INTERVAL_S", default=0.5)
PAPER_PRICES = env.str("PAPER_PRICES", default="walk")  # walk | candles:<file> | live
PAPER_SEED = env.int("PAPER_SEED", default=7)
PAPER_TICK_S = env.float("PAPER_TICK_S", default=0.25)
CACHE_ROUTES_PUBLIC = env.bool("CACHE_ROUTES_PUBLIC", default=False)
NOTIFY_URLS = env.list("NOTIFY_URLS", default=[])
NOTIFY_ERROR_URLS = env.list("NOTIFY_ERROR_URLS", default=[])
DISCORD_BOT_TOKEN = env.str("DISCORD_BOT_TOKEN", default="")
BINANCE_SPOT_REST_URL = env.str("BINANCE_SPOT_REST_URL", default="https://api.binance.com/api")
BINANCE_SPOT_WS_API_URL = env.str("BINANCE_SPOT_WS_API_URL", default="wss://ws-api.binance.com:443/ws-api/v3")
BINANCE_SPOT_STREAM_URL = env.str("BINANCE_SPOT_STREAM_URL", default="wss://stream.binance.com:9443")
BINANCE_USDM_REST_URL = env.str("BINANCE_USDM_REST_URL", default="https://fapi.binance.com/fapi")
BINANCE_USDM_STREAM_URL = env.str("BINANCE_USDM_STREAM_URL", default="wss://fstream.binance.com")

# ── logs ──────────────────────────────────────────────────────────────────────────────────────────────────────
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOG_FILE = env.str("LOG_FILE", default="")
LOGGING_CONFIG = "tvtrader.logging.configure"
# Operator's commands print for a person; the processes write for machines.
_COMMAND = Path(sys.argv[0]).name == "manage.py" and not _WORKING
LOGGING = house_logging.config(level=LOG_LEVEL, file=LOG_FILE, person=_COMMAND)
house_logging.register_secrets(
    SECRET_KEY, *SECRET_KEY_FALLBACKS, *FIELD_ENCRYPTION_KEYS, ADMIN_API_KEY, DISCORD_BOT_TOKEN,
    *NOTIFY_URLS, *NOTIFY_ERROR_URLS, str(DATABASES["default"].get("PASSWORD") or ""), REDIS_URL,
)  # fmt: skip
