"""Checks at startup, some of which are repeated while the process serves.

Each problem is one sentence with its remedy. A problem that would make every page fail stops
the start; one that affects only a part is a warning.
"""

import functools
import logging
import shutil
from pathlib import Path

import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ops.database.errors import MIGRATE
from ops.errors import DatabaseUnavailable

LEAST_FREE = 10 * 1024 * 1024  # bytes of disk
MOST_NAMED = 3
REDIS_SECONDS = 2.0
NO_REDIS = "Redis did not answer; start it, or correct REDIS_URL"
log = logging.getLogger(__name__)


def check_start(*, bot: bool) -> None:
    """Raise CommandError if this process cannot serve; log a warning for each smaller problem."""
    check_place()
    try:
        check_database()
        _check_anonymous_user()
    except Error as error:
        raise CommandError(
            f"cannot start: cannot use {_database()}: {_first_line(error)}; "
            "check that it runs and accepts connections from here, or correct DATABASE_URL"
        ) from None
    except DatabaseUnavailable as error:
        raise CommandError(f"cannot start: {error}") from None
    finally:
        connection.close()
    if bot:
        _check_slack_tokens()
    if problem := redis_problem():
        log.warning("%s; until then /readyz answers 503", problem)


def check_database() -> None:
    """Raise DatabaseUnavailable if the database lacks something, Error if it fails."""
    if connection.vendor == "sqlite":
        _check_sqlite()
    else:
        _check_postgresql()
    missing = _missing_migrations()
    if missing:
        named = ", ".join(missing[:MOST_NAMED]) + (", …" if len(missing) > MOST_NAMED else "")
        count = "1 migration" if len(missing) == 1 else f"{len(missing)} migrations"
        raise DatabaseUnavailable(f"the database lacks {count} ({named}); {MIGRATE}")


def redis_problem() -> str:
    """Return what is wrong with Redis, or "" if it answers or is not used."""
    if not settings.REDIS_URL:
        return ""
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
    )
    try:
        client.ping()
    except redis.RedisError as error:
        log.warning("Redis: %s", error)
        return NO_REDIS
    finally:
        client.close()
    return ""


def check_place() -> None:
    """Raise CommandError if the SQLite file is missing: opening it would create an empty one."""
    if connection.vendor != "sqlite":
        return
    path = Path(settings.DATABASES["default"]["NAME"])
    if not path.parent.is_dir():
        raise CommandError(
            f"cannot start: DATABASE_URL names {path}, but there is no folder {path.parent}; "
            f"create it or correct DATABASE_URL, then {MIGRATE}"
        )
    if not path.exists():
        raise CommandError(
            f"cannot start: there is no database at {path}; correct DATABASE_URL, or create one: "
            f"{MIGRATE}"
        )


def _check_sqlite() -> None:
    path = Path(connection.settings_dict["NAME"])
    if not path.exists():  # moved or deleted while we have it open: what we write is lost
        raise DatabaseUnavailable("the database file is gone; put it back, then restart OpsPortal")
    if (free := shutil.disk_usage(path.parent).free) < LEAST_FREE:
        raise DatabaseUnavailable(
            f"the database's disk is full: {free // 1024:,} KiB left; free some space"
        )
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA user_version")
        (version,) = cursor.fetchone()
        cursor.execute(f"PRAGMA user_version = {int(version)}")  # a write that changes nothing


def _check_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        (read_only,) = cursor.fetchone()
    if read_only == "on":
        raise DatabaseUnavailable(
            "the database is read-only: it is a standby, or configured so; "
            "set DATABASE_URL to the primary"
        )


def _missing_migrations() -> list[str]:
    missing = _known_migrations() - set(MigrationRecorder(connection).applied_migrations())
    return sorted(f"{app}.{name}" for app, name in missing)


@functools.cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Return this process's migrations, cached because an update changes those on disk."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _check_anonymous_user() -> None:
    name = settings.GRPC_ANONYMOUS_USER
    if not name:
        return
    user = get_user_model().objects.filter(username=name).first()
    if user is None:
        raise CommandError(
            f'cannot start: OPSPORTAL_GRPC_ANONYMOUS_USER is "{name}", but there is no such '
            "user; create it in admin or with manage.py createsuperuser, or unset the setting"
        )
    if not user.is_active:
        log.warning(
            'OPSPORTAL_GRPC_ANONYMOUS_USER is "%s", a deactivated user: gRPC calls without a '
            "token are refused",
            name,
        )


def _check_slack_tokens() -> None:
    tokens = {
        "OPSPORTAL_SLACK_APP_TOKEN": settings.SLACK_APP_TOKEN,
        "OPSPORTAL_SLACK_BOT_TOKEN": settings.SLACK_BOT_TOKEN,
    }
    missing = [name for name, token in tokens.items() if not token]
    if len(missing) == 1:
        [given] = tokens.keys() - set(missing)
        raise CommandError(
            f"cannot start: {given} is set but {missing[0]} is not; the bot needs both. Set it, "
            "or unset both; manage.py check_slack shows what else is missing"
        )


def _database() -> str:
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return f"the database {database['NAME']}"
    host, port = database["HOST"] or "localhost", database["PORT"] or 5432
    return f'PostgreSQL at {host}:{port}, database "{database["NAME"]}"'


def _first_line(error: Exception) -> str:
    """Return the database's own message, which never contains the password."""
    cause = error.__cause__ or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
