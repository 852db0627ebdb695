"""Alertmanager, through its API v2.

    client      what we ask
    reading     its answers: alerts with who is notified, silences

Connections and their limits are in ops.backends.http, error sentences in ops.backends.http_errors.
"""

from ops.backends.alertmanager.client import Alertmanager
from ops.backends.alertmanager.reading import Routing

__all__ = ["Alertmanager", "Routing"]
