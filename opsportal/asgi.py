"""The ASGI application: Django behind bounds, and the lifespan that closes our connections."""

import os
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opsportal.settings")
_django = get_asgi_application()

from ops.backends.connections import close_connections  # noqa: E402 - needs Django set up
from ops.memory import settle  # noqa: E402
from ops.sites import SiteFileError, sites  # noqa: E402
from opsportal.bounds import bounded  # noqa: E402

_http = bounded(_django)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve HTTP; answer the lifespan protocol, which Django does not."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    else:
        await _http(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send(_startup())
        else:
            await close_connections()
            await send({"type": "lifespan.shutdown.complete"})
            return


def _startup() -> dict[str, str]:
    try:
        sites()
    except SiteFileError as error:
        return {"type": "lifespan.startup.failed", "message": str(error)}
    import_module(settings.ROOT_URLCONF)
    settle()
    return {"type": "lifespan.startup.complete"}
