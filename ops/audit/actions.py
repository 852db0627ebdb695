"""Actions that read the audit log, and the note in it that it was set back."""

from ops.actor import Actor
from ops.audit.models import Outcome
from ops.audit.reading import AuditFilter, AuditPage, AuditRow, read
from ops.database import in_database
from ops.errors import InvalidInput
from ops.guard import SHELL, action, write

__all__ = ["OUTCOMES", "AuditFilter", "AuditPage", "AuditRow", "list_rows", "record_restore"]

READ = "audit.view_auditentry"
MOST_ROWS = 1_000
OUTCOMES = tuple(outcome.value for outcome in Outcome)


@action("audit.list_rows", permission=READ)
async def list_rows(
    actor: Actor, *, filter: AuditFilter = AuditFilter(), before: int = 0, limit: int = 100
) -> AuditPage:
    """Return the matching rows before row number `before` (0: from the newest), newest first.

    Raises InvalidInput for a limit outside 1 to 1,000.
    """
    if not 1 <= limit <= MOST_ROWS:
        raise InvalidInput(f"limit is {limit}; it must be between 1 and {MOST_ROWS}")
    return await in_database(read, filter, before, limit)


@write("audit.record_restore", permission=SHELL, target=lambda backup, **_: f"backup/{backup}")
def record_restore(actor: Actor, *, backup: str, head: str, replaced: str) -> None:
    """Note that the database was replaced by a backup of this name, after that has happened.

    `head` is where the audit log now ends and `replaced` where the replaced one did, each as
    `NUMBER:HASH`, "" if that could not be read.
    """
