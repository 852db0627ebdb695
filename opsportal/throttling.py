"""Limits on attempts to guess a password or to send e-mail.

axes counts the failures of one name from one address; this module has the limits that it
cannot count. Counts are in the cache, which processes share if there is a Redis.
"""

import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.signals import user_login_failed
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest
from redis import RedisError

from opsportal.middleware import client_address

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `most` attempts within `minutes`, counted from the first one."""

    name: str
    most: int
    minutes: int

    def used_up(self, who: object) -> bool:
        """Return whether no attempt is left."""
        try:
            return int(cache.get(self._key(who), 0)) >= self.most
        except RedisError as error:
            return self._unknown(error)

    def count(self, who: object) -> bool:
        """Count an attempt before it is made; return False if it is not allowed."""
        key = self._key(who)
        try:
            cache.add(key, 0, self.minutes * 60)
            return int(cache.incr(key)) <= self.most
        except ValueError:  # it expired between the two calls
            return True
        except RedisError as error:
            return not self._unknown(error)

    def forget(self, who: object) -> None:
        """Reset the count after a success."""
        try:
            cache.delete(self._key(who))
        except RedisError as error:
            self._unknown(error)

    def _key(self, who: object) -> str:
        return f"throttle/{self.name}/{hashlib.sha256(str(who).encode()).hexdigest()}"

    def _unknown(self, error: RedisError) -> bool:
        """Allow attempts while Redis is unavailable: axes still counts in the database."""
        log.warning("attempts of %s are not counted: %s", self.name, error)
        return False


FAILED_LOGINS = Throttle("log-in", most=30, minutes=15)  # of all names from one address
OLD_PASSWORDS = Throttle("old-password", most=5, minutes=15)  # of one person
RESETS_ASKED = Throttle("reset", most=10, minutes=60)  # from one address
RESET_MAILS = Throttle("reset-mail", most=3, minutes=60)  # to one person


class AddressBackend:
    """Refuses logins from an address that has sent too many wrong passwords."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Return None, so that the next backend is tried, or raise PermissionDenied."""
        if request is not None and FAILED_LOGINS.used_up(client_address(request)):
            # The axes middleware then answers as it does for a locked name.
            request.axes_locked_out = True  # type: ignore[attr-defined]
            raise PermissionDenied


@receiver(user_login_failed)
def _count_failure(request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        FAILED_LOGINS.count(client_address(request))
