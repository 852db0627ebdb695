"""Puts the request id on every line of the log."""

import logging

from ops.actor import request_id


class RequestId(logging.Filter):
    """Gives each record `request_id`, "-" outside of any request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True
