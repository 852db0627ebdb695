"""What Kubernetes and Argo Rollouts say of rollouts, from kube-state-metrics and Argo's metrics."""

from collections.abc import Iterable

from ops.backends.prometheus import Sample
from ops.sites import Service
from ops.versions.progress import Verdict
from ops.versions.readers import NAME, contradicts, matcher

PROGRESS = "kube_deployment_status_condition"
PAUSED = "kube_deployment_spec_paused"
ARGO = "rollout_info"
_FAILED = ("Abort", "Degraded", "Error", "InvalidSpec", "Timeout")
_NO_PROGRESS = "Kubernetes says that it made no progress before its deadline"


def query(services: Iterable[Service]) -> str:
    """Return the one query for everything that keeps the rollouts of these services from going on.

    A deployment or an Argo rollout belongs to the service that it is named after. Each label
    may also be empty, because only one of the metrics has it.
    """
    names = [name for each in services for name in (each.name, each.jaeger_name)]
    matchers = (
        matcher(NAME, (PROGRESS, PAUSED, ARGO)),
        matcher("condition", ("", "Progressing")),
        matcher("status", ("", "false")),
        matcher("phase", ("", "Paused", *_FAILED)),
        matcher("deployment", ("", *names)),
        matcher("name", ("", *names)),
    )
    return f"{{{','.join(matchers)}}}"


def verdict(service: Service, samples: Iterable[Sample]) -> Verdict:
    """Return what the answer to the query says of one service."""
    stuck = paused = ""
    names = {service.name, service.jaeger_name}
    for sample in samples:
        labels = sample.labels
        name = labels.get("name" if labels.get(NAME) == ARGO else "deployment")
        if sample.value != 1 or name not in names or contradicts(service, labels):
            continue
        phase = labels.get("phase", "")
        if labels.get(NAME) == PROGRESS:
            stuck = _NO_PROGRESS
        elif labels.get(NAME) == PAUSED:
            paused = "its deployment is paused in Kubernetes"
        elif phase == "Paused":
            paused = "Argo has paused it"
        elif phase in _FAILED:
            stuck = f"Argo says {phase}"
    return Verdict(stuck, paused)
