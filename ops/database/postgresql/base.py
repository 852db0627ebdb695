"""Django's PostgreSQL backend with connections from our pool.

Django's own pool connects in the background: a thread does not learn that or why this fails,
waits its whole timeout for nothing, and many seconds more once the database is back.
"""

import atexit
import threading
from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from django.utils.asyncio import async_unsafe

from ops.database.pool import Pool

SIZE = "pool_size"  # our key in OPTIONS
_pools: dict[str, Pool] = {}
_lock = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection for as long as a thread uses it: `close` gives it back."""

    def get_connection_params(self) -> dict[str, Any]:
        parameters = super().get_connection_params()
        parameters.pop(SIZE, None)
        return parameters

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self.alias == NO_DB_ALIAS:
            return super().get_new_connection(conn_params)
        self.isolation_level = IsolationLevel.READ_COMMITTED
        self._lender = self._our_pool(conn_params)
        return self._lender.take()

    def _close(self) -> None:
        if self.alias == NO_DB_ALIAS or self.connection is None:
            super()._close()  # type: ignore[misc]  # its stubs lack it
            return
        connection, self.connection = self.connection, None
        with self.wrap_database_errors:
            self._lender.give_back(connection)

    def close_pool(self) -> None:
        """Close idle connections, for tests, whose databases come and go."""
        for pool in _pools.values():
            pool.close()

    def _our_pool(self, parameters: dict[str, Any]) -> Pool:
        name = parameters["dbname"]
        with _lock:
            if name not in _pools:
                size = self.settings_dict["OPTIONS"][SIZE]
                _pools[name] = Pool(size, parameters)
                atexit.register(_pools[name].close)
            return _pools[name]
