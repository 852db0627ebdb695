"""Slack drops events beyond 30,000 an hour and workspace, and says so once a minute."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from bot.slack import metrics

LIMITED = "app_rate_limited"
_OVER = timedelta(minutes=5)  # without a further notice
log = logging.getLogger(__name__)


class AppLimit:
    """When Slack last said that it drops events, None for never."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def note(self, envelope: Mapping[str, Any]) -> None:
        """Note an envelope that says so; the log has one line until the limit is over."""
        payload = envelope.get("payload")
        kind = payload.get("type") if isinstance(payload, Mapping) else None
        if LIMITED not in (kind, envelope.get("type")):
            return
        metrics.app_limited.inc()
        before, self.at = self.at, timezone.now()
        if before is None or self.at - before > _OVER:
            log.warning(
                "Slack drops messages to the bot, because the app got more than 30,000 events in "
                "an hour: look for a program that writes to it"
            )
