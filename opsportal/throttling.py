"""How often somebody may try what guesses a password or sends a mail.

axes counts the failures of one name from one address; here stands what it cannot count. The
counts are in the cache, which several processes share when there is a Redis.
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
    """So many tries within a time that begins with the first of them."""

    name: str
    most: int
    minutes: int

    def used_up(self, who: object) -> bool:
        """Whether somebody has no try left."""
        try:
            return int(cache.get(self._key(who), 0)) >= self.most
        except RedisError as error:
            return self._unknown(error)

    def count(self, who: object) -> bool:
        """Count a try, before it is made; False when it must not be made."""
        key = self._key(who)
        try:
            cache.add(key, 0, self.minutes * 60)
            return int(cache.incr(key)) <= self.most
        except ValueError:  # it ran out between the two
            return True
        except RedisError as error:
            return not self._unknown(error)

    def forget(self, who: object) -> None:
        """Forget the tries of somebody who was right."""
        try:
            cache.delete(self._key(who))
        except RedisError as error:
            self._unknown(error)

    def _key(self, who: object) -> str:
        return f"throttle/{self.name}/{hashlib.sha256(str(who).encode()).hexdigest()}"

    def _unknown(self, error: RedisError) -> bool:
        """Let people in while Redis is away: what axes counts is in the database."""
        log.warning("tries of %s are not counted: %s", self.name, error)
        return False


FAILED_LOGINS = Throttle("log-in", most=30, minutes=15)  # of all names from one address
OLD_PASSWORDS = Throttle("old-password", most=5, minutes=15)  # of one person
RESETS_ASKED = Throttle("reset", most=10, minutes=60)  # from one address
RESET_MAILS = Throttle("reset-mail", most=3, minutes=60)  # to one person


class AddressBackend:
    """Refuse to look at any password from an address that has had too many wrong ones."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Return nobody: those who may try go on to the next backend."""
        if request is not None and FAILED_LOGINS.used_up(client_address(request)):
            # The middleware of axes then answers as it does for a name that is locked.
            request.axes_locked_out = True  # type: ignore[attr-defined]
            raise PermissionDenied


@receiver(user_login_failed)
def _count_failure(request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        FAILED_LOGINS.count(client_address(request))
