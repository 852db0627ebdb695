"""The site file of these tests, and reading pages as a person does."""

import html
import re
from dataclasses import dataclass
from typing import Any

from tests.fakes.instance import FakeInstance
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus

SITES = """
[sites.production]
default_service = "petstore"

[sites.production.jaeger]
address = "{jaeger}"
ui = "https://jaeger.example.com"

[[sites.production.prometheus]]
name = "main"
url = "{prometheus}"

[sites.production.services.petstore]
instances = ["{first}", "{second}"]
version = "petstore_build_info"
requests = "requests"
failing = "failing"
p95 = "p95"

[sites.production.services.store]

[sites.staging]
"""


@dataclass(frozen=True)
class Place:
    jaeger: FakeJaeger
    prometheus: FakePrometheus
    first: FakeInstance
    second: FakeInstance


def heading(response: Any) -> str:
    """The page's one heading."""
    found = re.findall(r"<h1[^>]*>(.*?)</h1>", response.content.decode(), re.DOTALL)
    assert len(found) == 1, f"{len(found)} headings"
    return words(found[0])


def text(response: Any) -> str:
    """Everything that can be read in the body, in one line."""
    return words(response.content.decode().partition("<body")[2])


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def links(response: Any) -> list[tuple[str, str]]:
    """The links as pairs of text and address."""
    found = re.findall(
        r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', response.content.decode(), re.DOTALL
    )
    return [(words(inner), html.unescape(address)) for address, inner in found]


def link(response: Any, word: str) -> str:
    """The address of the first link with that text."""
    return next(address for shown, address in links(response) if shown == word)


def field(response: Any, name: str) -> str:
    """Return the value of an input field."""
    tag = re.search(rf'<input [^>]*name="{name}"[^>]*>', response.content.decode())
    assert tag, f"no field {name}"
    value = re.search(r'value="([^"]*)"', tag[0])
    return html.unescape(value[1]) if value else ""
