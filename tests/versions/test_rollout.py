import pytest

from ops.versions.rollout import InstanceVersion, ServiceVersions


def versions(*names: str, total: int = 0) -> ServiceVersions:
    instances = tuple(InstanceVersion(f"i{n}", name) for n, name in enumerate(names))
    return ServiceVersions("production", "petstore", instances, total or len(instances))


@pytest.mark.parametrize(
    ("found", "summary"),
    [
        (versions("1.2.0", "1.2.0", "1.2.0"), "1.2.0 on 3 of 3"),
        (versions("1.2.0", "1.3.0", "1.2.0"), "1.3.0 on 1 of 3, 1.2.0 on 2 of 3"),
        (versions("1.2.0", "1.2.0", ""), "1.2.0, 2 of 3 known"),
        (versions("1.2.0", total=3), "1.2.0, 1 of 3 known"),
        (versions("1.9", "1.10", "", total=4), "1.10 on 1 of 4, 1.9 on 1 of 4, 2 of 4 known"),
        (versions("", ""), "unknown"),
        (versions(), "unknown"),
    ],
)
def test_it_sums_up(found: ServiceVersions, summary: str) -> None:
    assert found.summary == summary


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
