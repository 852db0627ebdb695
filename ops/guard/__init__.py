"""The guard around everything that people can do: permission, limits, audit, deadline, outcome.

    @action, a coroutine                          @write, a function on a database thread
    what it reads or changes is elsewhere         what it changes is in our own database

    permission ──(no)──> row "denied"             permission ──(no)──> row "denied"
        │                                             │
    arguments too large? refuse                   arguments too large? refuse
        │                                             │
    a change: commit row "started"                ┌── one transaction ──────────────┐
        │      ──(no)──> nothing is done          │ the change, and its row "ok"    │
    effect, under its deadline                    └──(either fails)──> neither ─────┘
        │
    row "ok", "failed" or "unknown"
        │
    announce what has changed

"failed" also means that only some targets confirmed: the row names the others. "unknown" means
cancelled, out of time or crashed. A missing second row reads as unknown, too. Refusals because of
a missing permission are recorded at most once a minute per actor and action.
"""

from ops.guard.announcing import announce_with
from ops.guard.effects import DEADLINE
from ops.guard.permission import (
    ANY_PERSON,
    OPSPORTAL,
    SHELL,
    SLACK_ACCOUNT,
    Permission,
    record_refusal,
    refused_lately,
)
from ops.guard.registry import ACTIONS, Run, Write, action, check, may, name_of, write

__all__ = [
    "ACTIONS",
    "ANY_PERSON",
    "DEADLINE",
    "OPSPORTAL",
    "SHELL",
    "SLACK_ACCOUNT",
    "Permission",
    "Run",
    "Write",
    "action",
    "announce_with",
    "check",
    "may",
    "name_of",
    "record_refusal",
    "refused_lately",
    "write",
]
