"""The ASGI application: Django behind request limits, the sockets of open pages, the lifespan.

Everything that a process serves is loaded here, when it starts: pages, templates and static
files. An update of the checkout changes nothing before the restart.
"""

import os
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.core.management.base import CommandError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opsportal.settings")
_django: Any = get_asgi_application()  # its middleware reads the static files
if settings.DEBUG:
    _django = ASGIStaticFilesHandler(_django)

from ops.backends.clients import close_clients  # noqa: E402 - needs Django set up
from ops.database import RequestThreads, in_database  # noqa: E402
from ops.memory import settle  # noqa: E402
from ops.sites import SiteFileError, sites  # noqa: E402
from opsportal.backup import in_use  # noqa: E402
from opsportal.bounds import bounded  # noqa: E402
from opsportal.dashboard.live import sockets  # noqa: E402
from opsportal.loading import load_everything  # noqa: E402
from opsportal.startup import check_start  # noqa: E402

load_everything()
_http = bounded(_django)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve HTTP, WebSockets and the lifespan protocol, which closes connections at the end."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket":
        await sockets.serve(scope, receive, send)
    else:
        async with ThreadSensitiveContext(executor=RequestThreads()):
            await _http(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    with in_use():
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send(await _startup())
            else:
                await close_clients()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _startup() -> dict[str, str]:
    try:
        sites()
        await in_database(check_start, bot=False)
    except (SiteFileError, CommandError) as error:
        return {"type": "lifespan.startup.failed", "message": str(error)}
    settle()
    return {"type": "lifespan.startup.complete"}
