"""What the README shows runs as it is pasted."""

import asyncio
import io
import os
import re
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from ops.database import in_database
from ops.rpc.server import serve_grpc
from tests.conftest import Person, SiteFile
from tests.fakes.jaeger import FakeJaeger, span, trace

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
pytestmark = pytest.mark.django_db(transaction=True)


def sample(language: str, having: str) -> str:
    """The one sample in this language that has these words."""
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    [text] = [each for each in found if having in each]
    return str(text)


def token() -> str:
    """What the README's command prints."""
    [(command, user)] = re.findall(
        r"^export TOKEN=\$\(\.venv/bin/python manage\.py (\w+) (\w+)\)$",
        sample("sh", "TOKEN"),
        re.MULTILINE,
    )
    out = io.StringIO()
    call_command(command, user, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


async def test_the_grpc_sample_runs_as_it_is_pasted(site_file: SiteFile, person: Person) -> None:
    await in_database(person, "demo", "viewers")
    pasted = sample("python", "grpc")
    assert settings.GRPC_ADDRESS in pasted
    async with FakeJaeger() as jaeger, serve_grpc("127.0.0.1:0") as port:
        site_file(
            f"[sites.demo.jaeger]\naddress = '{jaeger.address}'\n[sites.demo.services.petstore]\n"
        )
        jaeger.add(trace(span("petstore", "AddPets", error="no such pet"), trace_id="a" * 32))
        jaeger.add(trace(span("petstore", "AddPets"), trace_id="b" * 32))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-",
            cwd=ROOT,
            env={**os.environ, "TOKEN": await in_database(token)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        here = pasted.replace(settings.GRPC_ADDRESS, f"127.0.0.1:{port}")
        out, errors = await process.communicate(here.encode())
    assert (process.returncode, errors.decode()) == (0, "")
    assert out.decode().split(None, 1)[0] == "a" * 32 and len(out.splitlines()) == 1
