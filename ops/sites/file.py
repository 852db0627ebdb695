"""Read the site file, and report every problem in it together."""

import tomllib
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from ops.sites.backends import alertmanager_of, jaeger_of, prometheus_of
from ops.sites.sampling import remote_of
from ops.sites.services import every_service_of, service_of
from ops.sites.site import MANY_SILENCED, QUIET, WATCHDOGS, Site, Sites
from ops.sites.subscriptions import subscription_of
from ops.toml_file import Table


class SiteFileError(Exception):
    """The site file cannot be used; `problems` has one sentence per problem."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path}: " + "; ".join(problems))
        self.path = path
        self.problems = problems


def sites() -> Sites:
    """Return the sites of the file in settings.SITES_FILE, which is read once.

    Raises SiteFileError.
    """
    return _of(settings.SITES_FILE)


@lru_cache(maxsize=8)
def _of(file: str | Path) -> Sites:
    return load(Path(file))


def load(path: Path) -> Sites:
    """Read a site file; raises SiteFileError with every problem in it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "the file does not exist; copy sites.example.toml"
        raise SiteFileError(path, [f"{hint} and set OPSPORTAL_SITES to its path"]) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SiteFileError(path, [f"is not valid TOML: {error}"]) from None
    problems: list[str] = []
    found = _sites(Table(tables, "", problems))
    if problems:
        raise SiteFileError(path, problems)
    return found


def _sites(root: Table) -> Sites:
    found = {name: _site(name, table) for name, table in root.named("sites").items()}
    default = root.text("default_site", "the name of one of the sites", next(iter(found), ""))
    if not found and not root.problems:
        root.problem("sites", "is missing; add a table [sites.NAME] for each site")
    elif found and default not in found:
        root.problem("default_site", f'is "{default}"; it must be one of {", ".join(found)}')
    root.done()
    return Sites(all=found, default=default)


def _site(name: str, table: Table) -> Site:
    jaeger = table.table("jaeger")
    source = jaeger_of(jaeger) if jaeger else None
    prometheus = tuple(prometheus_of(item) for item in table.tables("prometheus"))
    alertmanager = tuple(alertmanager_of(item) for item in table.tables("alertmanager"))
    for key, sources in (("prometheus", prometheus), ("alertmanager", alertmanager)):
        if len({each.name for each in sources}) != len(sources):
            table.problem(key, "several sources have the same name; give each its own")
    names = [item.name for item in prometheus]
    every = every_service_of(table)
    services = {
        key: service_of(key, item, names, every) for key, item in table.named("services").items()
    }
    only = next(iter(services)) if len(services) == 1 else ""
    default = table.text("default_service", "the name of one of the site's services", only)
    if default and default not in services:
        table.problem("default_service", f'is "{default}"; it must be one of {", ".join(services)}')
    now = table.take("change_now", bool, "true or false", False)
    below = table.table("remote")
    remote = remote_of(below) if below else None
    named = "watchdogs" in table.values
    watchdogs = table.texts("watchdogs", "a list of alert names", WATCHDOGS)
    quiet = table.texts("quiet", "a list of alert names", QUIET)
    many = table.take("silence_confirm_above", int, "a number of alerts", MANY_SILENCED)
    if many < 0:
        table.problem("silence_confirm_above", f"is {many}; it must be 0 or more")
    subscriptions = tuple(map(subscription_of, table.tables("subscription")))
    if len({(each.channel, each.filter) for each in subscriptions}) != len(subscriptions):
        table.problem("subscription", "subscribes a channel to the same alerts twice")
    table.done()
    return Site(
        name=name,
        jaeger=source,
        prometheus=prometheus,
        services=services,
        default_service=default,
        change_now=now,
        watchdogs=watchdogs,
        quiet=quiet,
        names_watchdogs=named,
        remote=remote,
        alertmanager=alertmanager,
        silence_confirm_above=many,
        subscriptions=subscriptions,
    )
