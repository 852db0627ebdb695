"""The options, read so that nothing in them can stop the user's service."""

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsportal_sampler.http import Url, read_url

KEY = "OPSPORTAL_SAMPLER_KEY"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NAME = re.compile(r"[A-Za-z]{1,30}")
_VALUE = re.compile(r"[\x20-\x7e]+")
log = logging.getLogger("opsportal_sampler")


@dataclass(frozen=True)
class Options:
    """Where to ask, how often, as whom."""

    endpoint: Url | None = None
    opamp: Url | None = None
    interval: float | None = None
    initial_rate: float = 0.001
    header: tuple[str, str] | None = field(default=None, repr=False)
    service: str = ""
    instance: str = ""
    config_key: str = "elastic"


def read_options(argument: object, environment: Mapping[str, str] = os.environ) -> Options:
    """Read OTEL_TRACES_SAMPLER_ARG; what is wrong is left out, with one warning for all of it.

    The warning names options and never has values: one of them can be a key.
    """
    options, wrong = Options(), []
    given = set()
    for number, part in enumerate(str(argument or "").split(","), 1):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not part.strip():
            continue
        if not equals or name not in _READERS:
            known = name if equals and _NAME.fullmatch(name) else f"part {number}"
            wrong.append(f"{known} is not an option")
            continue
        given.add(name)
        field_name, read = _READERS[name]
        try:
            options = replace(options, **{field_name: read(value)})
        except ValueError as error:
            wrong.append(f"{name} {error}")
    if options.header is None and (key := environment.get(KEY)):
        if _VALUE.fullmatch(key):
            options = replace(options, header=("Authorization", f"Bearer {key}"))
        else:
            wrong.append(f"{KEY} must have printable ASCII characters only")
    if options.opamp and options.endpoint:
        wrong.append("endpoint does not apply beside opamp")
    if not given & {"endpoint", "opamp"}:
        options = replace(options, endpoint=read_url("http://localhost:5778"))
    if wrong:
        log.warning("OTEL_TRACES_SAMPLER_ARG: %s", "; ".join(wrong[:10]))
    return options


def _interval(text: str) -> float:
    return _number(text, 100, 86_400_000) / 1000


def _rate(text: str) -> float:
    return _number(text, 0, 1)


def _number(text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise ValueError(f"must be a number from {least:g} to {most:.0f}")
    return number


def _header(text: str) -> tuple[str, str]:
    name, colon, value = (each.strip() for each in text.partition(":"))
    if not (colon and _TOKEN.fullmatch(name) and _VALUE.fullmatch(value)):
        raise ValueError("must be a header such as X-Api-Key: abc")
    return name, value


def _text(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "endpoint": ("endpoint", read_url),
    "opamp": ("opamp", read_url),
    "pollingIntervalMs": ("interval", _interval),
    "initialSamplingRate": ("initial_rate", _rate),
    "header": ("header", _header),
    "service": ("service", _text),
    "instance": ("instance", _text),
    "configKey": ("config_key", _text),
}
