"""The machine account that runs a command."""

import getpass
import os

from ops.actor import Actor, Door


def whoever_types() -> Actor:
    """Return that account as an actor, because a command line has no OpsPortal user."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user ID without a name
        account = f"uid {os.getuid()}"
    return Actor(None, account, Door.SHELL)
