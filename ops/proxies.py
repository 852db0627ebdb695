"""Whose address a request really has: what trusted proxies say is believed, nobody else."""

import ipaddress

from django.conf import settings


def is_trusted(address: str) -> bool:
    """Whether the address is one of a trusted proxy (settings.TRUSTED_PROXIES)."""
    networks = settings.TRUSTED_PROXIES
    return (
        bool(networks)
        and _is_address(address)
        and any(ipaddress.ip_address(address) in network for network in networks)
    )


def real_address(peer: str, forwarded: str) -> str:
    """Return the last address of X-Forwarded-For that is not a trusted proxy's.

    It is the peer's own when the peer is not trusted or the list names nobody.
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
