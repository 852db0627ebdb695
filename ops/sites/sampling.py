"""What the site file says about sampling, and how services ask for it."""

import math
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from ops.errors import InvalidInput
from ops.toml_file import Table
from ops.vocabulary.policies import NEVER, Policy, parse_policy

OPAMP_KEY = "elastic"  # the entry that EDOT reads, and others that follow it
OURS = "opsportal"  # the entry, or member, that only opsportal-sampler knows
LONGEST_OPAMP_KEY = 100
WAYS = ("push", "remote", "opamp")  # see ops.sampling.proof.Way
NOT_PUSHED = "its instances are set with ChangeSampler, which accepts never, always or a rate"


@dataclass(frozen=True, slots=True)
class Remote:
    """How a site's services ask for their sampling themselves.

    `default_sampling` is what a service gets for which nothing is set. `http` and `grpc` are the
    addresses to listen on, "" for those in the settings (default site) or none (others). `keys`
    are the SHA-256 hashes of the keys of which a request must carry one; without any, only this
    machine can ask. `opamp_key` names the entry with the rate in OpAMP's configuration.
    """

    default_sampling: Policy
    http: str = ""
    grpc: str = ""
    keys: tuple[bytes, ...] = ()
    opamp_key: str = OPAMP_KEY


def remote_of(table: Table) -> Remote:
    """Read the table `[sites.NAME.remote]`."""
    keys = table.secrets("keys")
    addresses = {key: table.address(key) for key in ("http", "grpc")}
    for key, address in addresses.items():
        if address and not keys and not _is_loopback(address):
            table.problem(key, f'is "{address}"; without keys it must be a loopback address')
    found = Remote(
        default_sampling=policy_of(table, "default_sampling", ...) or NEVER,
        keys=tuple(sha256(key.encode()).digest() for key in keys),
        opamp_key=_opamp_key(table),
        **addresses,
    )
    table.done()
    return found


def _opamp_key(table: Table) -> str:
    form = f"the name of an entry, at most {LONGEST_OPAMP_KEY} characters, and not {OURS}"
    key = table.text("opamp_key", form, OPAMP_KEY)
    if not 0 < len(key) <= LONGEST_OPAMP_KEY or not key.isprintable() or key == OURS:
        table.problem("opamp_key", f'is "{key[:LONGEST_OPAMP_KEY]}"; it must be {form}')
    return key


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def policy_of(table: Table, key: str, default: Any = "") -> Policy | None:
    """Read a sampling policy, None if there is none."""
    text = table.text(key, 'a sampling policy in quotes, such as "10%"', default)
    try:
        return parse_policy(text) if text else None
    except InvalidInput as error:
        table.problem(key, str(error))
        return None


def ways_of(table: Table) -> tuple[str, ...]:
    """Read the ways in which a service may get its sampling, () for all."""
    form = f"a list of some of {', '.join(WAYS)}"
    found = table.texts("sampling_ways", form)
    if wrong := [each for each in found if each not in WAYS]:
        table.problem("sampling_ways", f'has "{wrong[0]}"; it must be {form}')
    return tuple(each for each in WAYS if each in found)


def port_of(table: Table, key: str) -> int:
    """Read a port, 0 if there is none."""
    form = "a port, 1 to 65535"
    port: int = table.take(key, int, form, 0)
    if 0 <= port <= 65535:
        return port
    table.problem(key, f"is {port}; it must be {form}")
    return 0


def ceiling_of(table: Table) -> float | None:
    """Read how many traces a second one person may let through, None if there is no limit."""
    form = "traces per second, a number such as 50"
    found: float | None = table.take("sampling_ceiling", (int, float), form, None)
    if found is None or 0 <= found < math.inf:
        return found
    table.problem("sampling_ceiling", f"is {found}; it must be {form}")
    return None
