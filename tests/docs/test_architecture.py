"""The drawing of the layers, the contracts and the folders agree."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
DRAWING = PAGE.partition("```")[2].partition("```")[0]
NOW, _ = PAGE.split("## Planned")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
[LAYERS] = (each["layers"] for each in CONTRACTS if each["name"].startswith("Doors, and below"))


def packages(line: str) -> list[str]:
    """The packages of a layer; of a service's actions alone, the service."""
    return [name.strip().removesuffix(".actions") for name in re.split("[|:]", line)]


def drawn() -> list[str]:
    found = re.findall(r"\b(?:ops|bot|opsportal)(?:\.\w+)?\b", DRAWING)
    return [name for name in dict.fromkeys(found) if name != "bot.slack"]


def test_the_drawing_has_the_layers_in_their_order() -> None:
    layers = [packages(line) for line in LAYERS]
    place = {name: number for number, layer in enumerate(layers) for name in layer}
    assert set(drawn()) == set(place)
    assert [place[name] for name in drawn()] == sorted(place[name] for name in drawn())


def test_each_folder_of_ops_is_in_a_layer_or_beside_them() -> None:
    folders = {path.parent.name for path in (ROOT / "ops").glob("*/__init__.py")}
    assert {f"ops.{name}" for name in folders - {"database", "sites"}} <= set(drawn())


def paths() -> list[str]:
    found = re.findall(r"`((?:ops|bot|opsportal)/[\w/.]+)`", NOW)
    return sorted(set(found))


@pytest.mark.parametrize("path", paths())
def test_what_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()
    assert (ROOT / path).is_dir() == path.endswith("/")


def test_it_names_paths() -> None:
    assert len(paths()) > 10
