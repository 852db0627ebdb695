"""The site file: which Jaeger, which Prometheus sources and which services a site has.

    site             a site and all of them, as the rest of the program asks for them
    services         its services, and the queries that describe them
    backends         its Jaeger, Prometheus servers and Alertmanagers
    sampling         how much is kept, and how services ask for it
    subscriptions    the channels that are always subscribed to its alerts
    file             reading the whole file

`docs/configuration.md` describes the file for users; `sites.example.toml` is an example. `load`
reads the whole file and reports every problem in it together, by table and key. Secrets are in
the environment; the file names the variable: `{ env = "JAEGER_TOKEN" }`.
"""

from ops.sites.backends import (
    AlertmanagerSource,
    JaegerSource,
    PrometheusSource,
    RestSource,
    Tls,
)
from ops.sites.file import SiteFileError, load, sites
from ops.sites.services import Service
from ops.sites.site import Site, Sites

__all__ = [
    "AlertmanagerSource",
    "JaegerSource",
    "PrometheusSource",
    "RestSource",
    "Service",
    "Site",
    "SiteFileError",
    "Sites",
    "Tls",
    "load",
    "sites",
]
