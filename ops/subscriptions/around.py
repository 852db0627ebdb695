"""What else is known about alerts when a message is written: who has them, what holds them back."""

from collections.abc import Callable
from dataclasses import dataclass

from ops.alerts.notifying import Notified
from ops.sites import Service, Site
from ops.vocabulary.acknowledgements import NOBODY, Acknowledgement, Holding
from ops.vocabulary.alerts import Alert


def _unknown(_: Alert) -> Notified | None:
    return None


@dataclass(frozen=True, slots=True)
class Around:
    """`notified` says what Alertmanager does with an alert, None if nothing is known.

    `elsewhere` is ` site=NAME` for a command, "" for the default site. `acknowledgements` are those
    of the last hours, also those that have ended.
    """

    site: Site
    elsewhere: str = ""
    acknowledgements: tuple[Acknowledgement, ...] = ()
    holding: Holding = NOBODY
    notified: Callable[[Alert], Notified | None] = _unknown

    def holds_back(self, alert: Alert) -> Notified | None:
        """Return what keeps Alertmanager from notifying anybody of an alert, None if nothing."""
        found = self.notified(alert)
        return found if found and found.is_held_back else None

    def has(self, alert: Alert) -> Acknowledgement | None:
        """Return who has an alert."""
        return self.holding.of(alert)

    def service_of(self, alert: Alert) -> Service | None:
        """Return the service of the site file that an alert is about."""
        return next(iter(self.site.services_of(alert.labels)), None)

    @property
    def place(self) -> str:
        """Where it is, for a sentence: ` (site NAME)`, "" for the default site."""
        return f" (site {self.site.name})" if self.elsewhere else ""
