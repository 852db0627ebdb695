"""Log filters: the request ID on every line, and one line instead of an expected error's trace."""

import logging

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent

from ops.actor import request_id
from ops.errors import OpsError


class RequestId(logging.Filter):
    """Sets `request_id` on each record, "-" outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True


class Foreseen(logging.Filter):
    """Turns the stack trace of an OpsError, or of too large a request, into one line.

    While the database is unavailable every request fails; stack traces would bury the rest.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OpsError | RequestDataTooBig | TooManyFieldsSent):
            path = getattr(getattr(record, "request", None), "path", "")
            record.msg, record.args, record.exc_info = "%s: %s", (path, error), None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
