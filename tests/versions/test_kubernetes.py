"""What Kubernetes and Argo say of one service's rollout."""

from ops.backends.prometheus import Sample
from ops.sites import Service
from ops.versions.kubernetes import PAUSED, PROGRESS, verdict
from ops.versions.progress import NOTHING
from ops.versions.readers import NAME

SERVICE = Service("petstore", "petstore", alerts={"job": "petstore", "namespace": "shop"})


def test_a_condition_that_does_not_hold_says_nothing() -> None:
    holds = Sample({NAME: PROGRESS, "deployment": "petstore"}, 1)
    not_so = [Sample({NAME: name, "deployment": "petstore"}, 0) for name in (PROGRESS, PAUSED)]

    assert verdict(SERVICE, not_so) == NOTHING
    assert verdict(SERVICE, [holds, *not_so]).stuck


def test_a_namesake_in_another_namespace_says_nothing() -> None:
    there = {NAME: PAUSED, "deployment": "petstore", "namespace": "test"}

    assert verdict(SERVICE, [Sample(there, 1)]) == NOTHING
    assert verdict(SERVICE, [Sample({**there, "namespace": "shop"}, 1)]).paused


def test_a_phase_that_we_do_not_know_says_nothing() -> None:
    labels = {NAME: "rollout_info", "name": "petstore", "phase": "Healthy"}

    assert verdict(SERVICE, [Sample(labels, 1)]) == NOTHING
