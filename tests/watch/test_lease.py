"""One watcher a site, and a stopped one that wakes up writes nothing."""

import pytest
from django.utils import timezone

from ops.watch.lease import LeaseLost, claim, has_too_many, withdraw
from ops.watch.models import Watched, WatchedSite

pytestmark = pytest.mark.django_db

SECONDS = 60.0


def test_of_two_watchers_one_gets_the_site() -> None:
    mine = claim("a", ["production"], [], SECONDS)
    assert mine
    assert mine.epoch == 1
    assert claim("b", ["production"], [], SECONDS) is None


def test_another_takes_over_when_the_lease_has_ended() -> None:
    mine = claim("a", ["production"], [], SECONDS)
    assert mine
    WatchedSite.objects.update(lease_until=timezone.now())
    theirs = claim("b", ["production"], [], SECONDS)
    assert theirs
    assert theirs.epoch == 2
    with pytest.raises(LeaseLost), mine.writing():
        raise AssertionError("it must not come to writing")
    with pytest.raises(LeaseLost):
        mine.renew()
    with theirs.writing():
        pass
    mine.release()
    assert WatchedSite.objects.get().holder == "b"


def test_an_own_lease_that_has_ended_can_be_renewed_while_nobody_else_has_it() -> None:
    mine = claim("a", ["production"], [], SECONDS)
    assert mine
    WatchedSite.objects.update(lease_until=timezone.now())
    mine.renew()
    assert claim("b", ["production"], [], SECONDS) is None


def test_each_holder_leaves_the_time_that_it_watched() -> None:
    mine = claim("a", ["production"], [], SECONDS)
    assert mine
    mine.renew()
    row = Watched.objects.get()
    assert row.start < row.end


def test_two_watchers_share_the_sites() -> None:
    sites = ["eu", "us"]
    held: list[str] = []
    while lease := claim("a", sites, held, SECONDS):
        held.append(lease.site)
    assert sorted(held) == ["eu", "us"]
    assert claim("b", sites, [], SECONDS) is None, "nothing is free yet, but it is announced"
    assert has_too_many("a", 2, 2, SECONDS)
    assert not has_too_many("a", 2, 1, SECONDS)
    withdraw("b")
    assert not has_too_many("a", 2, 2, SECONDS)
