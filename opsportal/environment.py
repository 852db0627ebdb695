"""Read the environment; a value of another form stops the start with its name and that form."""

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def wrong(name: str, form: str) -> ImproperlyConfigured:
    """Return the error that a variable is missing or has another form."""
    given = os.environ.get(name)
    problem = "is missing" if given is None else "is invalid"
    return ImproperlyConfigured(f"{name} {problem}: it must be {form}")


def text(name: str, default: str = "") -> str:
    """Read a text, without the spaces around it."""
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool) -> bool:
    """Read a yes or no."""
    given = text(name, "1" if default else "0").lower()
    if given not in ("0", "1", "true", "false", "yes", "no"):
        raise wrong(name, "1 or 0")
    return given in ("1", "true", "yes")


def number(name: str, default: int, least: int, most: int) -> int:
    """Read a whole number."""
    given = text(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", given) or not least <= int(given) <= most:
        raise wrong(name, f"a number from {least} to {most}")
    return int(given)


def address(name: str, default: str) -> str:
    """Read an address to listen on."""
    given = text(name, default)
    host, _, port = given.rpartition(":")
    if not (host and re.fullmatch("[0-9]{1,5}", port) and int(port) < 65536):
        raise wrong(name, f"host:port, such as {default}")
    return given


def url(name: str, schemes: tuple[str, ...]) -> str:
    """Read a URL without its trailing slash, "" if there is none."""
    given = text(name).rstrip("/")
    try:
        usable = urlsplit(given).scheme in schemes and urlsplit(given).port != 0
    except ValueError:  # brackets without an IPv6 address, a port above 65535
        usable = False
    if given and not usable:
        raise wrong(name, "a URL that starts with " + " or ".join(f"{s}://" for s in schemes))
    return given


def hosts(name: str, default: str) -> list[str]:
    """Read names of hosts."""
    given = _words(name, default)
    if any("*" in host or "/" in host or re.search(r"[^\]]:[0-9]+$", host) for host in given):
        raise wrong(name, "host names without scheme, port or wildcards, such as ops.example.com")
    return given


def file(name: str) -> str:
    """Read the path of a PEM file, "" if there is none."""
    given = text(name)
    if given and not Path(given).is_file():
        raise wrong(name, "the path of a PEM file that exists")
    return given


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Read addresses and networks."""
    try:
        return [ipaddress.ip_network(word) for word in _words(name)]
    except ValueError as error:
        raise wrong(name, "addresses or networks, such as 10.0.0.0/8,192.168.1.7") from error


def token(name: str, prefix: str) -> str:
    """Read one of Slack's tokens, "" if there is none."""
    given = text(name)
    if given and not given.startswith(prefix):
        raise wrong(name, f"a Slack token that starts with {prefix}")
    return given


def slack_workspaces(name: str) -> list[str]:
    """Read Slack's IDs of workspaces and organizations."""
    given = _words(name)
    if not all(re.fullmatch("[TE][A-Z0-9]{1,31}", word) for word in given):
        raise wrong(name, "IDs of workspaces, T…, or of an Enterprise Grid organization, E…")
    return given


def _words(name: str, default: str = "") -> list[str]:
    return [word for word in re.split(r"[\s,]+", text(name, default)) if word]
