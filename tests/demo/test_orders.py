"""How another terminal reaches the demo that runs."""

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from opsportal.demo import orders


def test_an_order_is_taken_once(tmp_path: Path) -> None:
    assert orders.take(tmp_path, orders.RELEASE) == ""
    orders.give(tmp_path, orders.RELEASE, orders.BAD)
    assert orders.take(tmp_path, orders.RESTART) == ""
    assert orders.take(tmp_path, orders.RELEASE) == orders.BAD
    assert orders.take(tmp_path, orders.RELEASE) == ""


def test_the_last_order_counts(tmp_path: Path) -> None:
    orders.give(tmp_path, orders.RELEASE, orders.BAD)
    orders.give(tmp_path, orders.RELEASE, orders.GOOD)
    assert orders.take(tmp_path, orders.RELEASE) == orders.GOOD
    assert list(tmp_path.iterdir()) == []


def test_one_demo_runs_in_a_folder(tmp_path: Path) -> None:
    assert not orders.is_running(tmp_path / "missing")
    assert not orders.is_running(tmp_path)
    with orders.running(tmp_path):
        assert orders.is_running(tmp_path)
        with pytest.raises(CommandError, match="already running"), orders.running(tmp_path):
            pass
        assert orders.is_running(tmp_path)
    assert not orders.is_running(tmp_path)
