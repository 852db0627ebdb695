import pytest

from ops.versions.rollout import InstanceVersion, Lack, ServiceVersions


def versions(*names: str, total: int = 0) -> ServiceVersions:
    instances = tuple(
        InstanceVersion(f"i{n}", name, Lack.NONE if name else Lack.DOWN)
        for n, name in enumerate(names)
    )
    return ServiceVersions("production", "petstore", instances, total or len(instances))


@pytest.mark.parametrize(
    ("found", "summary"),
    [
        (versions("1.2.0", "1.2.0", "1.2.0"), "1.2.0 on 3 of 3"),
        (versions("1.2.0", "1.3.0", "1.2.0"), "1.3.0 on 1 of 3, 1.2.0 on 2 of 3"),
        (versions("1.2.0", "1.2.0", ""), "1.2.0 on 2 of 3, 1 down"),
        (versions("1.2.0", total=3), "1.2.0 on 1 of 3, 2 silent"),
        (versions("1.9", "1.10", "", total=4), "1.10 on 1 of 4, 1.9 on 1 of 4, 1 down, 1 silent"),
        (versions("", ""), "unknown, 2 down"),
        (versions(), "unknown"),
        (versions("x" * 5_000), f"{'x' * 59}… on 1 of 1"),
        (
            versions(*(f"1.{n}" for n in range(7)), ""),
            "1.6 on 1 of 8, 1.5 on 1 of 8, 1.4 on 1 of 8, 1.3 on 1 of 8, 1.2 on 1 of 8, "
            "2 more versions, 1 down",
        ),
    ],
)
def test_it_sums_up(found: ServiceVersions, summary: str) -> None:
    assert found.summary == summary


@pytest.mark.parametrize(
    ("found", "spread"),
    [
        (versions("1.2.0", "1.2.0"), "1.2.0"),
        (versions("1.2.0", "1.3.0", "1.2.0"), "1.3.0 on i1, 1.2.0 on 2 others"),
        (versions("1.3.0", "1.3.0", "1.2.0"), "1.3.0 on 2 instances, 1.2.0 on i2"),
        (versions("1.2.0", total=3), "1.2.0 on i0, 2 silent"),
        (versions("", ""), ""),
    ],
)
def test_it_says_what_ran_where(found: ServiceVersions, spread: str) -> None:
    assert found.spread == spread


def test_an_instance_without_a_name_is_one_all_the_same() -> None:
    nameless = tuple(InstanceVersion("", name) for name in ("1.3.0", "1.2.0"))
    found = ServiceVersions("production", "petstore", nameless, 2)

    assert found.spread == "1.3.0 on one instance, 1.2.0 on another"


def test_it_counts_the_newest_first() -> None:
    found = versions("1.9", "1.10", "1.8", "1.8", "")

    assert found.counts == (("1.10", 1), ("1.9", 1), ("1.8", 2))
    assert found.known == 4


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("1.10.0", "1.9.9"),
        ("1.3.1", "1.3"),
        ("1.3.0", "1.3.0-rc1"),
        ("1.3.0-rc10", "1.3.0-rc2"),
        ("v2", "v1.9"),
        ("2026.11.24", "2026.2.1"),
    ],
)
def test_it_orders_versions_as_people_count(newer: str, older: str) -> None:
    assert versions(older, newer).summary == f"{newer} on 1 of 2, {older} on 1 of 2"
