"""The site follows its schedule, by a driven clock and driven orders."""

from dataclasses import dataclass, field

import pytest

from ops.vocabulary.policies import ALWAYS
from opsportal.demo.director import BREAKING, Director
from opsportal.demo.petstore import PetStore
from opsportal.demo.prometheus import Prometheus, Silence
from opsportal.demo.rollouts import INSTANCES
from opsportal.demo.rules import rules
from opsportal.demo.sampler import ChangingSampler
from opsportal.demo.services import Mailer, Store, Trouble

NOWHERE = "127.0.0.1:1"


@dataclass
class Stage:
    """A site without servers; `at` moves its clock and directs."""

    director: Director
    trouble: Trouble
    petstores: list[PetStore]
    pair: list[Prometheus]
    orders: list[str]
    times: list[float] = field(default_factory=lambda: [0.0])

    def at(self, since: float) -> None:
        self.times[0] = since
        self.director.direct()

    @property
    def releases(self) -> str:
        return " ".join(each.release.version for each in self.petstores)

    @property
    def broken(self) -> list[str]:
        return [rule.name for source in self.pair for rule in source.rules if rule.error]


@pytest.fixture
def stage() -> Stage:
    trouble, orders, times = Trouble(), list[str](), [0.0]
    store, mailer = Store(NOWHERE, trouble), Mailer(NOWHERE, trouble)
    petstores = [
        PetStore(
            store,
            mailer,
            instance=str(n),
            version="0",
            otlp=NOWHERE,
            sampler=ChangingSampler(ALWAYS),
        )
        for n in range(INSTANCES)
    ]
    pair = [Prometheus([], [], rules(name)) for name in "ab"]
    director = Director(
        lambda: times[0],
        lambda: orders.pop() if orders else "",
        trouble=trouble,
        petstores=petstores,
        prometheus=pair,
    )
    return Stage(director, trouble, petstores, pair, orders, times)


def test_it_brings_and_ends_each_trouble(stage: Stage) -> None:
    stage.at(50)
    assert stage.trouble.mailer == 1
    stage.at(90)
    assert stage.trouble.mailer < 0.1
    stage.at(420)
    assert [each.silence for each in stage.pair] == [Silence.NONE, Silence.FROZEN]
    stage.at(475)
    assert [each.silence for each in stage.pair] == [Silence.NONE, Silence.NONE]
    stage.at(500)
    assert stage.broken == [BREAKING] * 2
    stage.at(540)
    assert (stage.broken, stage.trouble.store) == ([], 0.6)


def test_it_rolls_releases_through_the_petstores(stage: Stage) -> None:
    stage.at(150)
    assert stage.releases == "1.3.0 1.2.0 1.2.0"
    stage.at(250)
    assert stage.releases == "1.3.1 1.3.0 1.3.0"
    builds = [
        sample.labels["version"]
        for metric in stage.petstores[0].telemetry.registry.collect()
        for sample in metric.samples
        if sample.name == "petstore_build_info"
    ]
    assert builds == ["1.3.1"]


def test_it_takes_orders(stage: Stage) -> None:
    stage.orders.append("bad")
    stage.at(5)
    assert stage.releases == "1.2.1 1.2.0 1.2.0"
    stage.at(200)
    assert stage.releases == "1.2.1 1.2.1 1.2.1"
    stage.orders.append("good")
    stage.at(210)
    stage.at(230)
    assert stage.releases == "1.2.0 1.2.0 1.2.1"
