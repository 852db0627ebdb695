"""Who has a page open: identified when the socket opens, and checked again and again."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models import CharField, Exists, F, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest
from django.http.request import validate_host
from django.utils import timezone

from ops import rights
from ops.actor import Actor, Door
from ops.database import in_database
from ops.proxies import real_address
from ops.rights import Rights
from opsportal.dashboard import clock

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Viewer:
    """A logged-in user at an open page, as of the handshake."""

    user: User
    session: str
    rights: Rights
    actor: Actor
    host: str
    cookies: Mapping[str, str] = field(default_factory=dict)  # only the time zone


def headers_of(scope: Mapping[str, Any]) -> Headers:
    """Return the headers of a handshake; of equal ones the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def is_ours(headers: Headers) -> bool:
    """Return whether one of our own pages opens the socket: browsers let any page do that."""
    host = headers.get("host", "")
    schemes = ("https",) if settings.HTTPS else ("http", "https")
    name = re.sub(r":[0-9]+$", "", host).lower()
    ours = {f"{scheme}://{host}" for scheme in schemes}
    return headers.get("origin", "") in ours and validate_host(name, settings.ALLOWED_HOSTS)


async def identify(headers: Headers, peer: str) -> Viewer | None:
    """Return who opens a socket, None if nobody is logged in."""
    try:
        cookies = {key: each.value for key, each in SimpleCookie(headers.get("cookie")).items()}
    except CookieError:
        return None
    session = cookies.get(settings.SESSION_COOKIE_NAME, "")
    found = await in_database(_logged_in, session) if session else None
    if found is None:
        return None
    user, its_rights = found
    rights.remember(user.pk, its_rights)
    address = real_address(peer, headers.get("x-forwarded-for", ""))
    return Viewer(
        user=user,
        session=session,
        rights=its_rights,
        actor=Actor(user.pk, user.get_username(), Door.BROWSER, address),
        host=headers["host"],
        cookies={key: cookies[key] for key in (clock.COOKIE,) if key in cookies},
    )


def _logged_in(session: str) -> tuple[User, Rights] | None:
    request = HttpRequest()
    request.session = SessionStore(session)
    user = get_user(request)
    return (user, rights.rights_as_read(user)) if isinstance(user, User) else None


async def still_here(viewers: Collection[Viewer]) -> set[Viewer]:
    """Return the viewers whose session and rights are as they were at the handshake.

    All are looked up in one query, which also tells `rights_of` the newest rights.
    """
    standing = await in_database(Standing, viewers)
    for user_id, known in standing.rights.items():
        rights.remember(user_id, known)
    return {each for each in viewers if standing.holds(each)}


class Standing:
    """The sessions, passwords and rights that some viewers have in the database now."""

    def __init__(self, viewers: Collection[Viewer]) -> None:
        self._sessions: set[str] = set()
        self._passwords: dict[int, str] = {}
        names: dict[int, str] = {}
        permissions: dict[int, set[str]] = {}
        everything: set[str] = set()
        powerful: set[int] = set()
        for kind, who, what, more in _query(viewers):
            match kind:
                case "session":
                    self._sessions.add(who)
                case "user":
                    self._passwords[int(who)] = what
                    names[int(who)] = more
                case "may":
                    permissions.setdefault(int(who), set()).add(what)
                case "superuser":
                    powerful.add(int(who))
                case _:
                    everything.add(what)
        self.rights = {
            user_id: Rights(
                active=True,
                name=name,
                permissions=frozenset(
                    everything if user_id in powerful else permissions.get(user_id, ())
                ),
            )
            for user_id, name in names.items()
        }

    def holds(self, viewer: Viewer) -> bool:
        user = viewer.user
        return (
            viewer.session in self._sessions
            and self._passwords.get(user.pk) == user.password
            and self.rights[user.pk] == viewer.rights
        )


def _query(viewers: Collection[Viewer]) -> QuerySet[Any, tuple[str, ...]]:
    sessions = {each.session for each in viewers}
    users = {each.user.pk for each in viewers}
    active = User.objects.filter(pk__in=users, is_active=True)
    powerful = active.filter(is_superuser=True)
    own = User.user_permissions.through._default_manager.filter(user_id__in=users)
    groups = User.groups.through._default_manager.filter(user_id__in=users)
    at = timezone.now()
    return _rows(
        Session.objects.filter(session_key__in=sessions, expire_date__gt=at),
        "session",
        F("session_key"),
    ).union(
        _rows(active, "user", F("pk"), F("password"), F("username")),
        _rows(powerful, "superuser", F("pk")),
        _rows(own, "may", F("user_id"), _name("permission__")),
        _rows(groups, "may", F("user_id"), _name("group__permissions__")),
        _rows(Permission.objects.filter(Exists(powerful)), "any", Value(""), _name("")),
        all=True,
    )


def _rows(found: QuerySet[Any], kind: str, *columns: Any) -> QuerySet[Any, tuple[str, ...]]:
    padded = [Value(kind), *columns, Value(""), Value("")][:4]
    texts = {f"text{number}": Cast(each, CharField()) for number, each in enumerate(padded)}
    rows: QuerySet[Any, tuple[str, ...]]
    rows = found.order_by().annotate(**texts).values_list(*texts)
    return rows


def _name(path: str) -> Concat:
    """Return a permission's name, `app.codename`."""
    return Concat(
        F(f"{path}content_type__app_label"),
        Value("."),
        F(f"{path}codename"),
        output_field=CharField(),
    )
