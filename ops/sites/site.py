"""One site, and all of them, as the rest of the program asks for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.errors import InvalidInput, NotFound, did_you_mean
from ops.sites.backends import AlertmanagerSource, JaegerSource, PrometheusSource
from ops.sites.sampling import Remote
from ops.sites.services import Service
from ops.sites.subscriptions import FixedSubscription

# The names that kube-prometheus and others use.
WATCHDOGS = ("Watchdog", "DeadMansSwitch")
QUIET = ("InfoInhibitor",)
MANY_SILENCED = 20  # alerts


@dataclass(frozen=True, slots=True)
class Site:
    """One environment: its backends and services.

    `change_now` lets the bot apply a change immediately, without a card that asks first.
    `watchdogs` are the alerts that are firing as long as alerting works, `quiet` those that come
    and go by design; neither is listed unless someone asks for it. `names_watchdogs` means that
    the site file names them, so that each must have a rule. `remote` is None if services cannot
    ask for their sampling. `alertmanager` are the instances of one Alertmanager.
    A silence that hides more alerts than `silence_confirm_above` must be confirmed.
    `subscriptions` are the channels that are always subscribed to alerts.
    """

    name: str
    jaeger: JaegerSource | None
    prometheus: tuple[PrometheusSource, ...]
    services: Mapping[str, Service] = field(hash=False)
    default_service: str
    change_now: bool = False
    watchdogs: tuple[str, ...] = WATCHDOGS
    quiet: tuple[str, ...] = QUIET
    names_watchdogs: bool = False
    remote: Remote | None = None
    alertmanager: tuple[AlertmanagerSource, ...] = ()
    silence_confirm_above: int = MANY_SILENCED
    subscriptions: tuple[FixedSubscription, ...] = ()

    @property
    def unlisted(self) -> frozenset[str]:
        """The names of the alerts that are not listed unless someone asks for them."""
        return frozenset((*self.watchdogs, *self.quiet))

    def services_of(self, labels: Mapping[str, str]) -> list[Service]:
        """Return the services that an alert with these labels is about."""
        having = labels.items()
        return [
            each for each in self.services.values() if each.alerts and each.alerts.items() <= having
        ]

    def service(self, name: str = "") -> Service:
        """Return the named service, or the default for ""; raises NotFound or InvalidInput."""
        if not name and not self.default_service:
            raise InvalidInput(
                f'choose a service of site "{self.name}": '
                + (", ".join(self.services) or "the site file has none")
            )
        try:
            return self.services[name or self.default_service]
        except KeyError:
            raise NotFound(
                f'site "{self.name}" has no service "{name[:80]}"'
                + (did_you_mean(name, self.services) or f"; it has {', '.join(self.services)}")
            ) from None

    def services_like(self, part: str) -> "list[Service]":
        """Return the services whose names contain `part`, ignoring case; all for ""."""
        small = part.lower()
        return [each for each in self.services.values() if small in each.name.lower()]

    def source(self, service: Service) -> PrometheusSource:
        """Return the service's Prometheus source; raises NotFound if there is none."""
        for source in self.prometheus:
            if service.prometheus in ("", source.name):
                return source
        raise NotFound(f'site "{self.name}" has no Prometheus for service "{service.name}"')

    def alertmanager_named(self, name: str) -> AlertmanagerSource:
        """Return the Alertmanager with a name that the site surely has."""
        return next(source for source in self.alertmanager if source.name == name)

    def prometheus_named(self, name: str) -> PrometheusSource:
        """Return the source with a name that the site surely has."""
        return next(source for source in self.prometheus if source.name == name)

    def twins(self, source: PrometheusSource) -> "list[PrometheusSource]":
        """Return the other sources of its pair, which can answer in its place."""
        same = [each for each in self.prometheus if source.pair and each.pair == source.pair]
        return [each for each in same if each != source]


@dataclass(frozen=True, slots=True)
class Sites:
    """All sites of the file, in the file's order."""

    all: Mapping[str, Site]
    default: str

    def site(self, name: str = "") -> Site:
        """Return the named site, or the default for ""; raises NotFound."""
        try:
            return self.all[name or self.default]
        except KeyError:
            raise NotFound(
                f'there is no site "{name[:80]}"'
                + (did_you_mean(name, self.all) or f"; sites: {', '.join(self.all)}")
            ) from None
