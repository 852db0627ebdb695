"""What going back sets: what follows a timed change, or again what a revision set."""

from ops.errors import Conflict, NotFound
from ops.sampling import store
from ops.sampling.models import Revision
from ops.sampling.terms import Term, Wish
from ops.vocabulary import timerange


def way_back(site: str, service: str, revision: int) -> Wish:
    """Return the way back to a revision, which lasts as long as that did.

    With revision 0, it is the end of the timed change in force. Raises Conflict if there is none,
    NotFound if the service has no such revision.
    """
    now = store.in_force_now(site, service)
    if not revision:
        if now is None or now.then is None:
            raise Conflict(f"no change with an end is in force for {service}")
        return {"policy": now.then}
    row = Revision.objects.filter(site=site, service=service, id=revision).first()
    if row is None:
        raise NotFound(f'{service} of site "{site}" has no revision {revision}')
    if row.until is None:
        return {"policy": row.policy}
    duration = timerange.from_datetime(row.until) - timerange.from_datetime(row.at)
    then = None if now and now.baseline else row.then
    return {"policy": row.policy, "term": Term(duration), "then": then}
