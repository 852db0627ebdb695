"""Where a service's version is: in the query of the site file, or in one of the usual metrics."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from ops.backends.prometheus import Sample, Series
from ops.sites import Service
from ops.versions.rollout import InstanceVersion, Lack

S = TypeVar("S", Sample, Series)
Labels = Mapping[str, str]
NAME = "__name__"
BUILD_INFO = "_build_info"
TARGET_INFO = "target_info"  # OpenTelemetry's
DEPLOYED_VERSION = "deployedVersion"
CONTAINER_INFO = "kube_pod_container_info"  # kube-state-metrics's
# Go's client library adds go_build_info to every program, with the version of its main module.
_USUAL = (
    f'{NAME}=~".+{BUILD_INFO}|{TARGET_INFO}|{DEPLOYED_VERSION}",{NAME}!="go{BUILD_INFO}"'
)  # fmt: skip
_ENDED = 'unless on (namespace, pod) (kube_pod_status_phase{phase=~"Succeeded|Failed"} == 1)'
_NOT_IN_METRICS = re.compile(r"[^a-zA-Z0-9_:]")
JOB_END = "/job"
_DIGEST = 12  # hex digits, as in `docker images`


class Index(Generic[S]):
    """The series of some answers, each once, found by a label: sites have hundreds of services."""

    def __init__(self, series: Iterable[S]) -> None:
        distinct = {frozenset(each.labels.items()): each for each in series}
        self.series: Sequence[S] = list(distinct.values())
        self._by_label: dict[str, dict[str, list[S]]] = {}

    def having(self, label: str, value: str) -> Sequence[S]:
        """Return the series with this label; that of JOB_END is what follows the job's slash."""
        found = self._by_label.get(label)
        if found is None:
            found = self._by_label[label] = {}
            for each in self.series:
                found.setdefault(_value(each.labels, label), []).append(each)
        return found.get(value, ())


def _value(labels: Labels, label: str) -> str:
    if label == JOB_END:
        return labels.get("job", "").rpartition("/")[2]
    return labels.get(label, "")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a service's instances from the series of some queries.

    `metric` is the usual metric that has them, "" for the site file's own query. `labelled`
    means that only the series with the service's `alerts` labels are its own, though others
    may be named after it.
    """

    service: Service
    queries: tuple[str, ...]
    metric: str = ""
    labelled: bool = False

    def read(self, index: Index[S]) -> Iterator[tuple[S, InstanceVersion]]:
        """Yield this service's own series, each with the instance and the version it reports."""
        shared = bool(self.metric) or "version" in self.service.shared
        for each in _candidates(self.service, index) if shared else index.series:
            if found := self._read(each.labels):
                yield each, found

    def _read(self, labels: Labels) -> InstanceVersion | None:
        service = self.service
        if not self.metric:
            if "version" in service.shared and not _has(labels, service.alerts):
                return None
            version = labels.get(service.version_label, "")
            if not version and service.version_label == "service_version":
                version = labels.get("service.version", "")
            instance = labels.get(service.instance_label, "")
        else:
            if labels.get(NAME) != self.metric or not _is_of(service, labels):
                return None
            if self.labelled and not _has(labels, service.alerts):
                return None
            instance = labels.get(self.instance_label, "")
            version = _usual_version(labels)
        return InstanceVersion(instance, version, Lack.NONE if version else Lack.UNLABELLED)

    @property
    def instance_label(self) -> str:
        """The label that names the instance."""
        if not self.metric:
            return self.service.instance_label
        return "pod" if self.metric == CONTAINER_INFO else "instance"

    @property
    def scraped(self) -> bool:
        """Whether the job of its series is the service's own."""
        return self.metric != CONTAINER_INFO


def usual_queries(services: Iterable[Service]) -> tuple[str, ...]:
    """Return few queries that find the usual metrics of all these services."""
    services = [each for each in services if each.conventions]
    if not services:
        return ()
    by_labels: dict[tuple[str, ...], list[Service]] = {}
    for each in services:
        by_labels.setdefault(tuple(sorted(each.alerts)), []).append(each)
    found = [f"{{{_USUAL},{_matchers(names, some)}}}" for names, some in by_labels.items()]
    if plain := [each for each in services if _is_plain(each)]:
        own = [metric for each in plain for metric in _own_metrics(each)]
        found.append(f"{{{matcher(NAME, own)}}}")
        jobs = "|".join(_escaped(name) for each in plain for name in _names(each))
        found.append(f"{TARGET_INFO}{{job=~{_quoted(f'.+/({jobs})')}}}")
    containers = [name for each in services for name in _names(each)]
    found.append(f"{CONTAINER_INFO}{{{matcher('container', containers)}}} {_ENDED}")
    return tuple(found)


def usual_reader(service: Service, queries: tuple[str, ...], index: Index[S]) -> Reader | None:
    """Return the reader of the first usual metric that has this service's version."""
    every = (each.labels for each in _candidates(service, index))
    own = [labels for labels in every if NAME in labels and _is_of(service, labels)]
    versioned = {labels[NAME] for labels in own if _usual_version(labels)}
    builds = [each for each in versioned if each.endswith(BUILD_INFO)]
    # Of several that are not named after it, any may be a library's.
    only: list[str] = builds if len(builds) == 1 else []
    order = [*_own_metrics(service), *only, TARGET_INFO, DEPLOYED_VERSION, CONTAINER_INFO]
    metric = next((each for each in order if each in versioned), "")
    if not metric:
        return None
    labelled = any(labels[NAME] == metric and _has(labels, service.alerts) for labels in own)
    return Reader(service, queries, metric, labelled)


def matcher(label: str, values: Iterable[str]) -> str:
    """Return a PromQL matcher for a label that has one of these values."""
    distinct = sorted(set(values))
    if len(distinct) == 1:
        return f"{label}={_quoted(distinct[0])}"
    return f"{label}=~{_quoted('|'.join(map(_escaped, distinct)))}"


def contradicts(service: Service, labels: Labels) -> bool:
    """Return whether a series that Kubernetes reports is of a namesake, as in another namespace."""
    return any(labels.get(name, value) != value for name, value in _elsewhere(service))


def _elsewhere(service: Service) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, value in service.alerts.items() if name != "job")


def _candidates(service: Service, index: Index[S]) -> Iterable[S]:
    """Return every series that might be the service's, few of all."""
    found = {id(each): each for each in index.having(*next(iter(service.alerts.items())))}
    for name in _names(service) if service.conventions else ():
        for label, value in ((NAME, _metric(name)), (JOB_END, name), ("container", name)):
            found |= {id(each): each for each in index.having(label, value)}
    return found.values()


def _is_of(service: Service, labels: Labels) -> bool:
    metric, names = labels.get(NAME, ""), _names(service)
    if metric == CONTAINER_INFO:
        return labels.get("container") in names and not contradicts(service, labels)
    if _has(labels, service.alerts):
        return True
    if not _is_plain(service):
        return False
    if metric == TARGET_INFO:  # its job is namespace/name
        return labels.get("job", "").rpartition("/")[2] in names
    return metric in _own_metrics(service)


def _usual_version(labels: Labels) -> str:
    metric = labels[NAME]
    if metric == TARGET_INFO:
        return labels.get("service_version") or labels.get("service.version", "")
    if metric == CONTAINER_INFO:
        return image_version(labels.get("image_spec") or labels.get("image", ""))
    return labels.get("version") or labels.get("revision", "")


def image_version(image: str) -> str:
    """Return an image's tag, or the start of its digest; "" if it names neither."""
    name, _, digest = image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return tag or digest.rpartition(":")[2][:_DIGEST]


def _has(labels: Labels, wanted: Labels) -> bool:
    return wanted.items() <= labels.items()


def _is_plain(service: Service) -> bool:
    """Return whether the site file leaves open which labels the service's series have."""
    return dict(service.alerts) == {"job": service.name}


def _names(service: Service) -> tuple[str, ...]:
    return tuple(dict.fromkeys((service.name, service.jaeger_name)))


def _own_metrics(service: Service) -> tuple[str, ...]:
    return tuple(_metric(name) for name in _names(service))


@cache
def _metric(name: str) -> str:
    return _NOT_IN_METRICS.sub("_", name) + BUILD_INFO


def _matchers(names: Iterable[str], services: Sequence[Service]) -> str:
    return ",".join(matcher(name, (each.alerts[name] for each in services)) for name in names)


def _escaped(text: str) -> str:
    """Escape for RE2 only what it reads as a pattern."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
