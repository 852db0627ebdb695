"""The proxies of docs/running.md, each in front of a server that says what reached it."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests.live.servers import ROOT, running
from tests.ports import free_ports

LARGEST = 64 * 1024  # bytes of a form
LONGEST = 32_000  # characters of an address
PAGE = (ROOT / "docs" / "running.md").read_text()
SAMPLES = dict(re.findall(r"```(nginx|caddyfile|haproxy)\n(.*?)```", PAGE, re.DOTALL))


@dataclass(frozen=True)
class Proxy:
    """How a sample is run here: without TLS, on a port of its own; `command` gets the file."""

    program: str
    command: Callable[[Path], list[str]]
    listens: tuple[str, str]
    around: str = "{}"


PROXIES = {
    "nginx": Proxy(
        "nginx",
        lambda file: [
            "nginx", "-p", f"{file.parent}", "-c", f"{file}", "-e", "stderr",
            "-g", f"daemon off; pid {file.parent}/pid;",
        ],
        ("listen 443 ssl;", "listen {};"),
        "events {{}}\nhttp {{\n access_log off;\n{}\n}}\n",
    ),
    "caddyfile": Proxy(
        "caddy",
        lambda file: ["caddy", "run", "--config", f"{file}", "--adapter", "caddyfile"],
        ("ops.example.com {", "http://{} {{"),
    ),
    "haproxy": Proxy(
        "haproxy",
        lambda file: ["haproxy", "-db", "-f", f"{file}"],
        (":443 ssl crt /etc/haproxy/ops.example.com.pem", "{}"),
    ),
}  # fmt: skip


async def says(request: web.Request) -> web.StreamResponse:
    """Answer with the headers that came, and the length of the body; a WebSocket in one message."""
    socket = web.WebSocketResponse()
    if socket.can_prepare(request):
        await socket.prepare(request)
        await socket.send_str(f"{request.headers['X-Forwarded-For']} {request.headers['Origin']}")
        await socket.close()
        return socket
    body = await request.read()
    return web.json_response({**request.headers, "length": len(body)})


@asynccontextmanager
async def behind(proxy: Proxy, sample: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    runner = web.AppRunner(web.Application(client_max_size=10 * LARGEST, handler_args={
        "max_line_size": LARGEST, "max_field_size": LARGEST,
    }))  # fmt: skip
    runner.app.router.add_route("*", "/{path:.*}", says)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    upstream = f"127.0.0.1:{runner.addresses[0][1]}"
    address = f"127.0.0.1:{free_ports(1)[0]}"
    theirs, ours = proxy.listens
    assert theirs in sample and "127.0.0.1:8000" in sample
    adapted = sample.replace(theirs, ours.format(address)).replace("127.0.0.1:8000", upstream)
    file = folder / "proxy.conf"
    file.write_text(proxy.around.format(adapted))
    environment = {"HOME": f"{folder}", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def listens() -> bool:
        try:
            httpx.get(f"http://{address}/metrics")
        except httpx.TransportError:
            return False
        return True

    try:
        started = running(proxy.command(file), folder, listens, env=environment)
        await asyncio.to_thread(started.__enter__)
        try:
            async with httpx.AsyncClient(base_url=f"http://{address}") as client:
                yield client
        finally:
            await asyncio.to_thread(started.__exit__, None, None, None)
    finally:
        await runner.cleanup()


async def first_message(address: str, origin: Origin) -> str | bytes:
    async with connect(address, origin=origin, proxy=None) as page:
        return await page.recv()


def test_every_sample_is_tried() -> None:
    assert SAMPLES.keys() == PROXIES.keys()


@pytest.mark.parametrize("name", PROXIES)
async def test_it_passes_on_who_asks_and_refuses_what_is_too_much(
    name: str, tmp_path: Path
) -> None:
    proxy = PROXIES[name]
    if not shutil.which(proxy.program, path="/usr/sbin:/usr/bin"):
        pytest.skip(f"{proxy.program} is not installed")
    async with behind(proxy, SAMPLES[name], tmp_path) as client:
        passed = await client.get("/")
        form = await client.post("/", content=b"x" * LARGEST)
        too_large = await client.post("/", content=b"x" * (LARGEST + 1_024))
        long = await client.get(f"/?q={'x' * LONGEST}")
        metrics = await client.get("/metrics")
        host = client.base_url.netloc.decode()
        live = await first_message(f"ws://{host}/live/", Origin(f"http://{host}"))
    said = passed.json()
    assert said["X-Forwarded-For"] == "127.0.0.1"
    assert said["X-Forwarded-Proto"] in ("http", "https")
    assert form.json()["length"] == LARGEST
    assert too_large.status_code in (413, 502)  # Caddy notices while it passes it on
    assert (long.status_code, metrics.status_code) == (200, 403)
    assert live == f"127.0.0.1 {client.base_url}"
