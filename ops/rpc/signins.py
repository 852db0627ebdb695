"""When tokens were last used, for the time line."""

from ops.database import in_database
from ops.overview.signins import SignIn
from ops.rpc.models import Token
from ops.vocabulary import timerange

MOST = 200


async def last_used(start: int, end: int) -> tuple[SignIn, ...]:
    """Return the tokens that were last used from start to end (Unix nanoseconds)."""
    return await in_database(_read, start, end)


def _read(start: int, end: int) -> tuple[SignIn, ...]:
    during = timerange.to_datetime(start), timerange.to_datetime(end)
    rows = Token.objects.filter(last_used__range=during).select_related("user")
    return tuple(
        SignIn(
            timerange.from_datetime(row.last_used),
            row.user.get_username(),
            f"{row.beginning}…{f' ({row.name})' if row.name else ''}",
        )
        for row in rows.order_by("-last_used")[:MOST]
        if row.last_used
    )
