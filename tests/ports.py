"""Ports for whatever must know its port before it listens on it."""

import random
import socket
from contextlib import ExitStack, suppress

# Below those that the system gives to connections and to whoever listens on port 0: nobody else
# takes them until the process has started.
PORTS = range(20_000, 32_768)
_random = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, all different."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = _random.choice(PORTS)
            with suppress(OSError):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(port)
    return found
