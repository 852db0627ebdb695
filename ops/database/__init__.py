"""The one place through which this process reaches the database.

Work that uses the ORM is one function that runs on a thread, takes a connection when it first
needs one and gives it back at its end: nobody holds a connection while they wait for anything
else. `threads` runs such functions, for our own code and for what Django does of a request;
`pool` has PostgreSQL's connections; `watch` notices a database that no longer answers, so that
nobody waits for it; `errors` has the sentences. What waits is bounded in number and in time.
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
