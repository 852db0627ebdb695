"""Every setting, read from the environment; `docs/configuration.md` documents them.

An invalid value stops the start with its name and the accepted form.
"""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
import django_stubs_ext
from csp.constants import NONE, SELF

from opsportal import environment

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# The site and the doors

SITES_FILE = environment.text("OPSPORTAL_SITES", "sites.toml")
PUBLIC_URL = environment.url("OPSPORTAL_PUBLIC_URL", ("http", "https"))
CONTACT = environment.text("OPSPORTAL_CONTACT")
if len(CONTACT) > 200 or not CONTACT.isprintable():
    raise environment.wrong("OPSPORTAL_CONTACT", "one line of at most 200 characters")
WEB_ADDRESS = environment.address("OPSPORTAL_WEB_ADDRESS", "127.0.0.1:8000")
HEALTH_ADDRESS = environment.address("OPSPORTAL_HEALTH_ADDRESS", "127.0.0.1:8001")
GRPC_ADDRESS = environment.address("OPSPORTAL_GRPC_ADDRESS", "127.0.0.1:9090")
GRPC_ANONYMOUS_USER = environment.text("OPSPORTAL_GRPC_ANONYMOUS_USER")
GRPC_TLS_CERTIFICATE = environment.file("OPSPORTAL_GRPC_TLS_CERTIFICATE")
GRPC_TLS_KEY = environment.file("OPSPORTAL_GRPC_TLS_KEY")
if bool(GRPC_TLS_CERTIFICATE) != bool(GRPC_TLS_KEY):
    raise environment.wrong(
        "OPSPORTAL_GRPC_TLS_KEY", "set together with OPSPORTAL_GRPC_TLS_CERTIFICATE"
    )
REMOTE_ADDRESS = environment.address("OPSPORTAL_REMOTE_ADDRESS", "127.0.0.1:5778")
REMOTE_GRPC_ADDRESS = environment.address("OPSPORTAL_REMOTE_GRPC_ADDRESS", "127.0.0.1:5779")
REMOTE_STATE = Path(environment.text("OPSPORTAL_REMOTE_STATE", str(BASE_DIR / "var" / "remote")))
SLACK_APP_TOKEN = environment.token("OPSPORTAL_SLACK_APP_TOKEN", "xapp-")
SLACK_BOT_TOKEN = environment.token("OPSPORTAL_SLACK_BOT_TOKEN", "xoxb-")
SLACK_CONFIG_TOKEN = environment.token("OPSPORTAL_SLACK_CONFIG_TOKEN", "xoxe")
SLACK_WORKSPACES = environment.slack_workspaces("OPSPORTAL_SLACK_WORKSPACES")
SLACK_MATCH_EMAIL = environment.flag("OPSPORTAL_SLACK_MATCH_EMAIL", default=False)
SLACK_API_URL = (
    environment.url("OPSPORTAL_SLACK_API_URL", ("http", "https")) or "https://slack.com/api"
)

# Django

SECRET_KEY = environment.text("OPSPORTAL_SECRET_KEY")
if len(SECRET_KEY) < 50:
    raise environment.wrong(
        "OPSPORTAL_SECRET_KEY",
        "a random text of 50 characters or more that stays the same: "
        'python3 -c "import secrets; print(secrets.token_urlsafe(50))"',
    )
DEBUG = environment.flag("OPSPORTAL_DEBUG", default=False)
ALLOWED_HOSTS = environment.hosts("OPSPORTAL_HOSTS", "localhost,127.0.0.1,[::1]")
ROOT_URLCONF = "opsportal.urls"
ASGI_APPLICATION = "opsportal.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "opsportal.apps.OpsPortalConfig",
    "opsportal.dashboard",
    "ops.traces",
    "ops.alerts",
    "ops.versions",
    "ops.sampling",
    "ops.audit",
    "ops.overview",
    "ops.incidents",
    "ops.accounts",
    "ops.requests",
    "ops.silences",
    "ops.subscriptions",
    "ops.watch",
    "ops.rpc",
    "bot",
    "opsportal.apps.OpsPortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "opsportal.middleware.trusted_proxies",
    "opsportal.middleware.request_id",
    "opsportal.compression.compressed",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "opsportal.static.static_files",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

# What a process serves is loaded when it starts, except in development.
_LOADERS: list[object] = [("django.template.loaders.cached.Loader", ["opsportal.templates.Loader"])]
if DEBUG:
    _LOADERS = [
        "django.template.loaders.filesystem.Loader",
        "django.template.loaders.app_directories.Loader",
    ]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": _LOADERS,
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Data: chosen by DATABASE_URL and REDIS_URL alone

_DATABASE_FORM = "a URL: sqlite:///path/to/file or postgres://user:password@host:5432/name"
try:
    _database = dj_database_url.parse(
        environment.text("DATABASE_URL", f"sqlite:///{BASE_DIR}/db.sqlite3")
    )
except ValueError as error:
    raise environment.wrong("DATABASE_URL", _DATABASE_FORM) from error
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE and a timeout, because writers that start as readers fail with "locked"; FULL,
    # because a committed audit row must survive a power cut.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    _database["CONN_MAX_AGE"] = None
elif _database["ENGINE"] == "django.db.backends.postgresql":
    # Our pool limits the connections of this process (see ops.database). A database that is
    # unplugged must not hold them for the quarter of an hour that TCP waits.
    _database["ENGINE"] = "ops.database.postgresql"
    _database["OPTIONS"] = {
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        **_database.get("OPTIONS", {}),
        "pool_size": environment.number("OPSPORTAL_DATABASE_POOL", 12, 4, 200),
    }
else:
    raise environment.wrong("DATABASE_URL", _DATABASE_FORM)
DATABASES = {"default": _database}

REDIS_URL = environment.url("REDIS_URL", ("redis", "rediss"))
CACHES: dict[str, dict[str, Any]]
if REDIS_URL:
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    }
    CHANNEL_LAYERS = {
        "default": {
            # One connection a process; channels_redis.core has one for each subscriber.
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 50_000},  # Django's default of 300 would drop counts
        }
    }
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            # A process listens as long as it runs; Django Channels would forget it after a day.
            "CONFIG": {"group_expiry": 10 * 365 * 24 * 3600},
        }
    }

# Users

AUTHENTICATION_BACKENDS = [
    "opsportal.throttling.AddressBackend",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_SAVE_EVERY_REQUEST = False
PASSWORD_RESET_TIMEOUT = 3600

# Throttling: after five failures of a name from an address, 15 minutes' wait; the other limits
# are in opsportal.throttling
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_CLIENT_IP_CALLABLE = "opsportal.middleware.client_address"
AXES_USERNAME_CALLABLE = "opsportal.middleware.typed_name"
AXES_SENSITIVE_PARAMETERS = ["password", "csrfmiddlewaretoken"]
AXES_VERBOSE = False

_mail = urlsplit(environment.url("OPSPORTAL_SMTP_URL", ("smtp", "smtps", "smtp+tls", "console")))
EMAIL_BACKEND = {
    "": "django.core.mail.backends.dummy.EmailBackend",
    "console": "django.core.mail.backends.console.EmailBackend",
}.get(_mail.scheme, "django.core.mail.backends.smtp.EmailBackend")
EMAIL_HOST = _mail.hostname or "localhost"
EMAIL_PORT = _mail.port or (465 if _mail.scheme == "smtps" else 587)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp+tls"
EMAIL_TIMEOUT = 10
SENDS_MAIL = bool(_mail.scheme)
if SENDS_MAIL and not PUBLIC_URL:
    raise environment.wrong(
        "OPSPORTAL_PUBLIC_URL",
        "set together with OPSPORTAL_SMTP_URL, because the links in e-mails start with it",
    )
DEFAULT_FROM_EMAIL = environment.text("OPSPORTAL_MAIL_FROM", "opsportal@localhost")

# Watching: how often each source is polled, and for how long the history is kept

POLL_SECONDS: float = environment.number("OPSPORTAL_POLL_SECONDS", 5, 1, 300)
HISTORY_DAYS = environment.number("OPSPORTAL_HISTORY_DAYS", 30, 1, 400)

# Pages that query backends show what is known after this many seconds, and fill in the rest

FIRST_SCREEN_SECONDS = 0.6

# Every other short wait is so many times as long (ops/patience.py)

PATIENCE = 1.0

# Time and language

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

# Static files

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "opsportal.static.Storage"
    },
}

# Safety

HTTPS = environment.flag("OPSPORTAL_HTTPS", default=True)
TRUSTED_PROXIES = environment.networks("OPSPORTAL_TRUSTED_PROXIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # see opsportal.middleware
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Logs, on standard error, each line with its request id

LOG_FORMAT = environment.text("OPSPORTAL_LOG_FORMAT", "text")
if LOG_FORMAT not in ("text", "json"):
    raise environment.wrong("OPSPORTAL_LOG_FORMAT", "text or json")
LOG_LEVEL = environment.text("OPSPORTAL_LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    raise environment.wrong("OPSPORTAL_LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "opsportal.logs.RequestId"},
        "foreseen": {"()": "opsportal.logs.Foreseen"},
    },
    "formatters": {
        "text": {
            "format": "{asctime} {levelname} {request_id} {name}: {message}",
            "style": "{",
        },
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "{asctime}{levelname}{request_id}{name}{message}",
            "style": "{",
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": sys.stderr,
            "formatter": LOG_FORMAT,
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"filters": ["foreseen"]},
        "django.security.RequestDataTooBig": {"filters": ["foreseen"]},
        "django.security.TooManyFieldsSent": {"filters": ["foreseen"]},
        "axes": {"level": "ERROR"},
        "slack_sdk": {"level": "INFO"},  # at DEBUG it logs whole messages
        "uvicorn": {"level": "WARNING"},
    },
}
