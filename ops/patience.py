"""How long is waited for what is short of time, such as what an answer can do without."""

from django.conf import settings


def patient(seconds: float) -> float:
    """Return how many seconds to wait: tests wait longer, as a busy machine is not a failure."""
    return seconds * float(settings.PATIENCE)
