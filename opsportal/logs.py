"""Puts the request id on every line of the log, and no trace where a sentence says it all."""

import logging

from ops.actor import request_id
from ops.errors import OpsError


class RequestId(logging.Filter):
    """Gives each record `request_id`, "-" outside of any request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True


class Foreseen(logging.Filter):
    """Turns Django's trace of an error of ours into one line.

    While the database is away each request fails: a trace each would bury what matters.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OpsError):
            path = getattr(getattr(record, "request", None), "path", "")
            record.msg, record.args, record.exc_info = "%s: %s", (path, error), None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
