"""The secrets that the site files here name."""

import pytest


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "open sesame")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("LINES", "open\nsesame")
