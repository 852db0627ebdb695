"""The real address of a request: only trusted proxies may forward one."""

import ipaddress

from django.conf import settings


def is_trusted(address: str) -> bool:
    """Return whether the address belongs to a trusted proxy (settings.TRUSTED_PROXIES)."""
    networks = settings.TRUSTED_PROXIES
    return (
        bool(networks)
        and _is_address(address)
        and any(ipaddress.ip_address(address) in network for network in networks)
    )


def real_address(peer: str, forwarded: str) -> str:
    """Return the last address in X-Forwarded-For that is not a trusted proxy's.

    If the peer is not trusted, or the header has no such address, return the peer's own.
    """
    if not is_trusted(peer):
        return peer
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    while hops and is_trusted(hops[-1]):
        hops.pop()
    return hops[-1] if hops and _is_address(hops[-1]) else peer


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
