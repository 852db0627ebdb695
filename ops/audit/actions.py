"""Actions that read the audit log."""

from ops.actor import Actor
from ops.audit.models import Outcome
from ops.audit.reading import AuditFilter, AuditPage, AuditRow, read
from ops.database import in_database
from ops.errors import InvalidInput
from ops.guard import action

__all__ = ["OUTCOMES", "AuditFilter", "AuditPage", "AuditRow", "list_rows"]

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
