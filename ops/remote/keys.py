"""Which requests of machines are answered: with a key of the site, or from this machine.

Without a key, only a door that listens on loopback answers. A browser and a proxy can reach
loopback as well, so a request that came through either is refused.
"""

import hashlib
import hmac
import ipaddress
from base64 import b64decode
from collections.abc import Iterable, Mapping

_FOREIGN = ("origin", "forwarded", "via")
_FORWARDED = "x-forwarded-"
_OWN_SITE = ("none", "same-origin")


class Refused(Exception):
    """The request is not answered; `status` is HTTP's."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Keys:
    """The SHA-256 hashes of a site's keys."""

    def __init__(self, hashes: Iterable[bytes]) -> None:
        self._hashes = tuple(hashes)

    def admit(self, headers: Mapping[str, str], address: str) -> bool:
        """Return whether a request to an address of ours has a key; raises Refused.

        False means that it is answered without.
        """
        given = _key(headers.get("authorization", ""))
        if given:
            if not self._matches(given):
                raise Refused(401, "This key is not one of the site's keys.")
            return True
        own = _host(address)
        if not is_loopback(own):
            raise Refused(401, "A key is required: Authorization: Bearer KEY.")
        if through := _came_through(headers):
            raise Refused(403, f"Without a key, requests with {through} are refused.")
        if not is_loopback(_host(headers.get("host", own))):
            raise Refused(403, "Without a key, Host must be this machine.")
        return False

    def _matches(self, given: str) -> bool:
        """Compare with every key, so that the time says nothing."""
        digest = hashlib.sha256(given.encode()).digest()
        return sum(hmac.compare_digest(digest, each) for each in self._hashes) > 0


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _came_through(headers: Mapping[str, str]) -> str:
    """Return the header that a browser or a proxy has set; "" if there is none."""
    if headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return "Sec-Fetch-Site"
    forwarded = (name for name in headers if name in _FOREIGN or name.startswith(_FORWARDED))
    return next(forwarded, "").title()


def _host(address: str) -> str:
    """Return the host of `host:port`, `[::1]:port` or a host alone."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0]


def _key(authorization: str) -> str:
    """Read `Bearer KEY`, `ApiKey KEY`, or Basic with the key as the password.

    Go's clients, Jaeger among them, send Basic for a URL with a password.
    """
    scheme, _, rest = authorization.partition(" ")
    match scheme.lower():
        case "bearer" | "apikey":
            return rest.strip()
        case "basic":
            try:
                return b64decode(rest, validate=True).decode().partition(":")[2]
            except ValueError:
                return ""
    return ""
