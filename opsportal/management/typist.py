"""The account on this machine that types a command."""

import getpass
import os

from ops.actor import Actor, Door


def whoever_types() -> Actor:
    """Return that account as an actor: a command line has no Django user."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        account = f"uid {os.getuid()}"
    return Actor(None, account, Door.CONSOLE)
