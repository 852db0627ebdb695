"""Sampling strategies, and the documents in which servers send them.

A document is hostile until it has been read: it is taken as a whole or refused as a whole.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Jaeger's field is an int32.
_MOST_TRACES_PER_SECOND = 2**31 - 1
_LAST_REVISION = 2**63 - 1


class InvalidDocument(ValueError):
    """A document that changes nothing; its text says what is wrong with it."""


@dataclass(frozen=True)
class Probabilistic:
    """Keep this part of all traces."""

    rate: float


@dataclass(frozen=True)
class RateLimiting:
    """Keep so many traces a second."""

    traces_per_second: float


@dataclass(frozen=True)
class PerOperation:
    """Keep a part of each operation's traces; bounds are traces a second of one operation."""

    default_rate: float
    lower_bound: float = 0.0
    upper_bound: float = 0.0
    """0 is no bound."""
    rates: Mapping[str, float] = field(default_factory=dict)


Strategy = Probabilistic | RateLimiting | PerOperation


@dataclass(frozen=True)
class Document:
    """A strategy, and for OpsPortal's own documents its revision, its end and what follows."""

    strategy: Strategy
    revision: int | None = None
    until: datetime | None = None
    then: Strategy | None = None


def describe(strategy: Strategy) -> str:
    """Return what servers see as applied: `0.5`, or `5/s`."""
    match strategy:
        case Probabilistic(rate) | PerOperation(rate):
            return _short(rate)
        case RateLimiting(traces_per_second):
            return f"{_short(traces_per_second)}/s"


def read_document(body: bytes) -> Document:
    """Read a document of Jaeger's remote sampling protocol; raises InvalidDocument."""
    content = _object("the document", _json(body))
    extra = content.get("opsportal")
    if extra is None:
        return Document(_strategy(content))
    extra = _object("opsportal", extra)
    until, then = extra.get("until"), extra.get("then")
    if (until is None) != (then is None):
        raise InvalidDocument("opsportal.until and opsportal.then must come together")
    return Document(
        _strategy(content),
        _revision(extra.get("revision")),
        None if until is None else _time(until),
        None if then is None else _strategy(_object("opsportal.then", then)),
    )


def read_sampling_rate(body: bytes) -> Document:
    """Read what distributions of the SDK take over OpAMP; raises InvalidDocument."""
    rate = _object("the config", _json(body)).get("sampling_rate")
    if isinstance(rate, str):
        try:
            rate = float(rate)
        except ValueError:
            raise InvalidDocument("sampling_rate must be a number") from None
    return Document(Probabilistic(_rate("sampling_rate", rate)))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument("it is not JSON") from error


def _strategy(content: Mapping[str, Any]) -> Strategy:
    """Read the strategy as other clients do: per operation first, then what the type says."""
    operations = content.get("operationSampling")
    if operations is not None:
        return _per_operation(_object("operationSampling", operations))
    kind = content.get("strategyType")
    if isinstance(kind, (bool, float)) or kind not in (
        None,
        0,
        1,
        "PROBABILISTIC",
        "RATE_LIMITING",
    ):
        raise InvalidDocument("strategyType must be PROBABILISTIC or RATE_LIMITING")
    probabilistic, limiting = (
        content.get("probabilisticSampling"),
        content.get("rateLimitingSampling"),
    )
    if limiting is not None and (kind in (1, "RATE_LIMITING") or probabilistic is None):
        traces = _object("rateLimitingSampling", limiting).get("maxTracesPerSecond")
        return RateLimiting(
            _number("rateLimitingSampling.maxTracesPerSecond", traces, _MOST_TRACES_PER_SECOND)
        )
    if probabilistic is not None:
        return _probabilistic("probabilisticSampling", probabilistic)
    raise InvalidDocument("the document has no sampling strategy")


def _probabilistic(name: str, value: object) -> Probabilistic:
    rate = _object(name, value).get("samplingRate")
    return Probabilistic(_rate(f"{name}.samplingRate", rate))


def _per_operation(content: Mapping[str, Any]) -> PerOperation:
    rates: dict[str, float] = {}
    strategies = content.get("perOperationStrategies")
    if not isinstance(strategies, (list, type(None))):
        raise InvalidDocument("operationSampling.perOperationStrategies must be a list")
    for each in strategies or ():
        of_one = _object("an entry of perOperationStrategies", each)
        operation = of_one.get("operation")
        if not isinstance(operation, str):
            raise InvalidDocument("an entry of perOperationStrategies has no operation")
        rates[operation] = _probabilistic(
            "perOperationStrategies.probabilisticSampling", of_one.get("probabilisticSampling")
        ).rate
    return PerOperation(
        _rate(
            "operationSampling.defaultSamplingProbability",
            content.get("defaultSamplingProbability"),
        ),
        _bound(content, "defaultLowerBoundTracesPerSecond"),
        _bound(content, "defaultUpperBoundTracesPerSecond"),
        rates,
    )


def _rate(name: str, value: object) -> float:
    return _number(name, value, most=1)


def _bound(content: Mapping[str, Any], name: str) -> float:
    value = content.get(name)
    if value is None:
        return 0.0
    return _number(f"operationSampling.{name}", value, _MOST_TRACES_PER_SECOND)


def _object(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidDocument(f"{name} must be an object")
    return value


def _number(name: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidDocument(f"{name} must be a number")
    if not 0 <= value <= most:  # false for NaN too
        raise InvalidDocument(f"{name} must be a number from 0 to {most:g}")
    return float(value)


def _revision(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_REVISION:
        raise InvalidDocument("opsportal.revision must be an integer from 0")
    return value


def _time(value: object) -> datetime:
    try:
        # Python 3.10 does not know the Z.
        time = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InvalidDocument("opsportal.until must be a time such as 2026-11-30T03:15:00Z")
    return time


def _short(number: float) -> str:
    return repr(number).removesuffix(".0")
