"""The demo's queries about its services, and its alerting rules."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from opsportal.demo.alerting import Rule
from opsportal.demo.promql import (
    Above,
    Aggregate,
    Alerts,
    AndOn,
    Expression,
    Metric,
    Quantile,
    Quotient,
    Rate,
)

WINDOW = 30  # seconds that rates are taken over
HOLD = 10  # seconds that an alert is pending
NOT_OUR_FAULT = "OK|INVALID_ARGUMENT|NOT_FOUND|CANCELLED"
# A pair of Prometheus servers puts its replica label on what it sends.
REPLICA_LABEL = "prometheus_replica"
EACH = ("instance", "job")
LINKS = "https://example.com"
RATIO = "ratio"  # of values such as 0.228, which OpsPortal shows as 22.8%


@dataclass(frozen=True)
class Queries:
    """The queries about a service: those in the site file, and those OpsPortal adds."""

    version: Expression
    requests: Expression
    failing: Expression
    p95: Expression
    up: Expression
    alerts: Expression

    @classmethod
    def of(cls, service: str) -> Self:
        """Return the queries for a service's metrics; see `Telemetry`."""
        version = Metric(f"{service}_build_info")
        return cls(
            version=version,
            requests=_requests(service),
            failing=_failing(service),
            p95=_p95(service),
            up=AndOn(Metric("up"), "job", Aggregate("group", version, ("job",))),
            alerts=Alerts(service),
        )


def _requests(service: str, by: tuple[str, ...] = ()) -> Expression:
    return Aggregate("sum", Rate(Metric(f"{service}_requests_total"), WINDOW), by)


def _failing(service: str, by: tuple[str, ...] = ()) -> Expression:
    failed = Rate(Metric(f"{service}_requests_total", "code", NOT_OUR_FAULT), WINDOW)
    return Quotient(Aggregate("sum", failed, by), _requests(service, by))


def _p95(service: str, by: tuple[str, ...] = ()) -> Expression:
    buckets = Rate(Metric(f"{service}_request_seconds_bucket"), WINDOW)
    return Quantile(0.95, Aggregate("sum", buckets, (*by, "le")))


PETSTORE, STORE, MAILER = (Queries.of(service) for service in ("petstore", "store", "mailer"))


def rules(replica: str = "") -> list[Rule]:
    """Return the alerting rules, none of them active yet; `replica` names one of a pair."""
    return [
        _of_replica(rule, replica) for rule in (*_petstore_rules(), *_backend_rules(), _watchdog())
    ]


def _petstore_rules() -> list[Rule]:
    owner = {"job": "petstore", "team": "pets"}
    versions = Aggregate("count", PETSTORE.version, ("job", "version"))
    return [
        Rule(
            "FailingRequests",
            Above(_failing("petstore", EACH), 0.05),
            HOLD,
            {**owner, "severity": "critical"},
            _annotations(
                "FailingRequests",
                "{{ $value | humanizePercentage }} of requests to {{ $labels.instance }} fail, "
                "over 5%",
                "Customers see errors. Compare a failing trace with a good one, and check whether "
                "the instance runs a new version.",
                unit=RATIO,
            ),
            group="petstore",
            keep=15,
        ),
        Rule(
            "SlowRequests",
            Above(_p95("petstore", EACH), 0.5),
            HOLD,
            {**owner, "severity": "warning"},
            _annotations(
                "SlowRequests",
                "p95 of {{ $labels.instance }} is {{ $value | humanizeDuration }}, over 500ms",
                "One in twenty requests takes longer than this.",
            ),
            group="petstore",
        ),
        Rule(
            "MixedVersions",
            Above(Aggregate("count", versions, ("job",)), 1),
            # A rollout takes 40 seconds.
            60,
            {**owner, "severity": "info"},
            _annotations(
                "MixedVersions",
                "{{ $labels.job }} runs {{ $value }} versions",
                "A rollout takes longer than usual. Check whether it is stuck.",
            ),
            group="petstore",
        ),
    ]


def _backend_rules() -> list[Rule]:
    return [
        Rule(
            "StoreTimeouts",
            Above(_failing("store", EACH), 0.05),
            HOLD,
            {"job": "store", "team": "storage", "severity": "critical"},
            _annotations(
                "StoreTimeouts",
                "{{ $value | humanizePercentage }} of queries time out",
                "Statements wait for a lock. Find the transaction that holds it.",
                unit=RATIO,
            ),
            group="backends",
        ),
        Rule(
            "MailRefused",
            Above(_failing("mailer", EACH), 0.5),
            HOLD,
            {"job": "mailer", "team": "messaging", "severity": "critical"},
            _annotations(
                "MailRefused",
                "{{ $value | humanizePercentage }} of e-mails are refused",
                "The mail server refuses connections. New pets cannot be added without it.",
                unit=RATIO,
            ),
            group="backends",
        ),
    ]


def _watchdog() -> Rule:
    return Rule(
        "Watchdog",
        Aggregate("count", Metric("up")),
        0,
        {"severity": "none"},
        {"summary": "always firing, as long as alerting works"},
        group="meta",
    )


def _annotations(rule: str, summary: str, description: str, unit: str = "") -> Mapping[str, str]:
    told = {"unit": unit} if unit else {}
    return told | {
        "summary": summary,
        "description": description,
        "runbook_url": f"{LINKS}/runbooks/{rule}",
        "dashboard_url": f"{LINKS}/dashboards/{{{{ $labels.job }}}}",
    }


def _of_replica(rule: Rule, replica: str) -> Rule:
    if not replica:
        return rule
    return replace(rule, labels={**rule.labels, REPLICA_LABEL: replica})
