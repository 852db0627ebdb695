"""The demo's queries about its services, and its alerting rules."""

from dataclasses import dataclass
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
        every = f"{service}_requests_total"
        requests = Aggregate("sum", Rate(Metric(every), WINDOW))
        failed = Rate(Metric(every, "code", NOT_OUR_FAULT), WINDOW)
        buckets = Rate(Metric(f"{service}_request_seconds_bucket"), WINDOW)
        return cls(
            version=version,
            requests=requests,
            failing=Quotient(Aggregate("sum", failed), requests),
            p95=Quantile(0.95, Aggregate("sum", buckets, ("le",))),
            up=AndOn(Metric("up"), "job", Aggregate("group", version, ("job",))),
            alerts=Alerts(service),
        )


PETSTORE, STORE, MAILER = (Queries.of(service) for service in ("petstore", "store", "mailer"))


def rules() -> list[Rule]:
    """Return the alerting rules, none of them active yet."""
    versions = Aggregate("count", PETSTORE.version, ("job", "version"))
    return [
        _rule(
            "FailingRequests",
            Above(PETSTORE.failing, 0.05),
            "petstore",
            "critical",
            "{{ $value | humanizePercentage }} of requests fail, over 5%",
        ),
        _rule(
            "SlowRequests",
            Above(PETSTORE.p95, 0.3),
            "petstore",
            "warning",
            "p95 {{ $value | humanizeDuration }}, over 300ms",
        ),
        _rule(
            "StoreTimeouts",
            Above(STORE.failing, 0.05),
            "store",
            "critical",
            "{{ $value | humanizePercentage }} of queries time out",
        ),
        _rule(
            "MailRefused",
            Above(MAILER.failing, 0.5),
            "mailer",
            "critical",
            "{{ $value | humanizePercentage }} of e-mails are refused",
        ),
        _rule(
            "MixedVersions",
            Above(Aggregate("count", versions, ("job",)), 1),
            "petstore",
            "info",
            "{{ $labels.job }} runs {{ $value }} versions",
        ),
        Rule(
            "Watchdog",
            Aggregate("count", Metric("up")),
            0,
            {"severity": "none"},
            {"summary": "always firing, as long as alerting works"},
        ),
    ]


def _rule(name: str, expression: Expression, job: str, severity: str, summary: str) -> Rule:
    labels = {"job": job, "severity": severity}
    return Rule(name, expression, HOLD, labels, {"summary": summary})
