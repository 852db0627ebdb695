"""What /metrics shows of the watcher."""

from prometheus_client import Counter, Gauge, Histogram

_polls = Counter(
    "opsportal_watch_polls",
    "Polls of a source, by outcome.",
    ["site", "subject", "source", "outcome"],
)
_poll_seconds = Histogram(
    "opsportal_watch_poll_seconds",
    "Seconds that a poll took.",
    ["subject"],
    buckets=(0.02, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_last_poll = Gauge(
    "opsportal_watch_last_answer_timestamp_seconds",
    "When a source answered last.",
    ["site", "subject", "source"],
)
written = Counter("opsportal_watch_rows", "History rows started or ended.", ["site", "subject"])
leads = Gauge("opsportal_watch_leads", "1 for each site that this process watches.", ["site"])


def polled(site: str, subject: str, source: str, seconds: float, *, failed: bool) -> None:
    """Count one poll."""
    _polls.labels(site, subject, source, "failed" if failed else "ok").inc()
    _poll_seconds.labels(subject).observe(seconds)
    if not failed:
        _last_poll.labels(site, subject, source).set_to_current_time()
