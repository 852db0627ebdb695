"""The only way in which this process reaches the database.

Work that uses the ORM is a function that runs on a thread, takes a connection when it first
needs one and gives it back at its end, so no connection is held while waiting for anything
else. `threads` runs such functions, for our own code and for Django's part of a request;
`pool` has PostgreSQL's connections; `watch` notices when the database stops answering, so that
nobody waits for it; `errors` has the sentences. Waiting is bounded in number and in time.
"""

from ops.database.errors import DatabaseAway, DatabaseBusy
from ops.database.threads import RequestThreads, in_database
from ops.database.waiting import patiently

__all__ = [
    "DatabaseAway",
    "DatabaseBusy",
    "RequestThreads",
    "in_database",
    "patiently",
]
