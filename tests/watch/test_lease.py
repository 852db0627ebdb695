"""One watcher a site, and a stopped one that wakes up writes nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ops.watch.lease import LeaseLost, SiteLease, claim, renew, share, withdraw
from ops.watch.models import Watched, WatchedSite

pytestmark = pytest.mark.django_db

SECONDS = 60.0


def claim_one(holder: str) -> SiteLease | None:
    found = claim(holder, ["production"], SECONDS, 1)
    return found[0] if found else None


def end_the_leases(ago: float = 0) -> None:
    WatchedSite.objects.update(lease_until=timezone.now() - timedelta(seconds=ago))


def test_of_two_watchers_one_gets_the_site() -> None:
    mine = claim_one("a")
    assert mine
    assert mine.epoch == 1
    assert claim_one("b") is None


def test_another_takes_over_when_the_lease_has_ended() -> None:
    mine = claim_one("a")
    assert mine
    end_the_leases()
    theirs = claim_one("b")
    assert theirs
    assert theirs.epoch == 2
    with pytest.raises(LeaseLost), mine.writing():
        raise AssertionError("it must not come to writing")
    assert renew([mine, theirs]) == [mine]
    with theirs.writing():
        pass
    mine.release()
    assert WatchedSite.objects.get().holder == "b"


def test_a_lease_that_is_just_over_can_be_renewed_while_nobody_else_has_it() -> None:
    mine = claim_one("a")
    assert mine
    end_the_leases()
    assert renew([mine]) == []
    assert claim_one("b") is None


def test_one_that_slept_leaves_a_hole() -> None:
    mine = claim_one("a")
    assert mine
    end_the_leases(ago=SECONDS)
    assert renew([mine]) == [mine]
    with pytest.raises(LeaseLost), mine.writing():
        raise AssertionError("it must not come to writing")
    again = claim_one("a")
    assert again
    before, after = Watched.objects.order_by("epoch")
    assert before.end < after.start


def test_each_holder_leaves_the_time_that_it_watched() -> None:
    mine = claim_one("a")
    assert mine
    assert renew([mine]) == []
    row = Watched.objects.get()
    assert row.start < row.end


def test_two_watchers_share_the_sites() -> None:
    sites = [f"site-{number}" for number in range(50)]
    assert share("a", len(sites), SECONDS) == 50
    held = claim("a", sites, SECONDS, 50)
    assert sorted(each.site for each in held) == sorted(sites), "all of them at once"
    assert share("b", len(sites), SECONDS) == 25
    assert claim("b", sites, SECONDS, 25) == [], "nothing is free yet, but it is announced"
    assert share("a", len(sites), SECONDS) == 25
    held.pop().release()
    assert len(claim("b", sites, SECONDS, 25)) == 1
    withdraw("b")
    assert share("a", len(sites), SECONDS) == 50


def test_two_with_the_same_name_do_not_work_the_same_site() -> None:
    assert claim_one("a")
    assert claim_one("a") is None
