"""Read a TOML file and report every problem in it together, by table and key."""

import os
import re
import ssl
from collections.abc import Sized
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops.errors import InvalidInput, did_you_mean
from ops.vocabulary import timerange

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
_HEADER = re.compile(r"[A-Za-z0-9._-]+")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Table:
    """A table of the file whose keys are taken one by one; any key left over is a problem."""

    def __init__(
        self, values: dict[str, Any], name: str, problems: list[str], which: str = ""
    ) -> None:
        self.values = dict(values)
        self.name = name
        self.which = which  # " (the one named …)" if several tables share a name
        self.problems = problems
        self.known: list[str] = []

    def problem(self, key: str, sentence: str) -> None:
        where = f"[{self.name}]{self.which} " if self.name else ""
        self.problems.append(f"{where}{key}: {sentence}")

    def take(
        self, key: str, kind: type | tuple[type, ...], form: str, default: Any, secret: bool = False
    ) -> Any:
        """Return the key's value; a value that may be a secret never appears in a problem."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        self.known.append(key)
        value = self.values.pop(key, None)
        if value is None:
            if default is ...:
                self.problem(key, f"is missing; it must be {form}")
            return default
        # In Python, a bool is an int too.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.problem(key, f"must be {form}" if secret else f"is {value!r}; it must be {form}")
            return default
        return value

    def text(self, key: str, form: str, default: Any = "") -> str:
        value = self.take(key, str, form, default)
        return value if isinstance(value, str) else ""

    def texts(self, key: str, form: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        values = self.take(key, list, form, list(default))
        return tuple(value for value in values if self._is_text(key, value, form))

    def address(self, key: str, default: Any = "") -> str:
        value = self.text(key, "host:port", default)
        return value if not value or self._is_address(key, value) else ""

    def addresses(self, key: str) -> tuple[str, ...]:
        form = 'a list of addresses, ["host:port", …]'
        values = self.take(key, list, form, [])
        if twice := [value for value in values if values.count(value) > 1]:
            self.problem(key, f'lists "{twice[0]}" twice')
        return tuple(
            value
            for value in values
            if self._is_text(key, value, form) and self._is_address(key, value)
        )

    def _is_text(self, key: str, value: object, form: str) -> bool:
        if not isinstance(value, str):
            self.problem(key, f"has {value!r}; it must be {form}")
        return isinstance(value, str)

    def _is_address(self, key: str, value: str) -> bool:
        match = _ADDRESS.fullmatch(value)
        if match is None or not 0 < int(match[1]) < 65536:
            self.problem(key, f'is "{value}"; it must be host:port without a scheme')
            return False
        return True

    def url(self, key: str, default: Any = "") -> str:
        value = self.text(key, "an http:// or https:// URL", default)
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # brackets without an IPv6 address, a port above 65535
            usable = False
        if value and not usable:
            shown = "" if "@" in value else f'is "{value}"; '  # it may contain a password
            self.problem(key, f"{shown}it must be an http:// or https:// URL")
            return ""
        if parts.username or parts.password:
            self.problem(key, "contains a password; use username and password = { env = … }")
        return value.rstrip("/")

    def duration(self, key: str, default: int) -> int:
        example = timerange.format_exact(default or 30 * timerange.MINUTE)
        text = self.text(key, f'a duration in quotes, such as "{example}"')
        try:
            return timerange.parse_duration(text) if text else default
        except InvalidInput as error:
            self.problem(key, str(error))
            return default

    def file(self, key: str) -> str:
        path = self.text(key, "the path of a PEM file")
        if path and not Path(path).is_file():
            self.problem(key, f'file "{path}" does not exist; it must be the path of a PEM file')
            return ""
        return path

    def secret(self, key: str) -> str:
        """Read a value from the environment: `key = { env = "NAME" }`."""
        value = self.take(key, dict, '{ env = "NAME" }, never the secret itself', None, secret=True)
        return self._from_environment(key, value) if value is not None else ""

    def secrets(self, key: str) -> list[str]:
        """Read values from the environment: `key = [{ env = "NAME" }, …]`."""
        form = '[{ env = "NAME" }, …], never the secrets themselves'
        values = self.take(key, list, form, [], secret=True)
        if not all(isinstance(value, dict) for value in values):
            self.problem(key, f"must be {form}")
            return []
        return [self._from_environment(key, value) for value in values]

    def _from_environment(self, key: str, value: dict[str, Any]) -> str:
        name = value.get("env")
        if not isinstance(name, str) or set(value) != {"env"}:
            self.problem(key, 'must be { env = "NAME" }')
            return ""
        if not os.environ.get(name):
            missing = "is empty" if name in os.environ else "is not set"
            self.problem(key, f"the environment variable {name} {missing}")
        return os.environ.get(name, "")

    def headers(self) -> dict[str, str]:
        found = {}
        for name, value in self.take("headers", dict, "a table", {}, secret=True).items():
            key = f"headers.{name}"
            if not _HEADER.fullmatch(name) or name.lower().endswith("-bin"):
                self.problem(key, "its name must use letters, digits, . _ - and not end in -bin")
            if isinstance(value, dict):
                found[name] = self.header_value(key, self._from_environment(key, value))
            elif isinstance(value, str):
                found[name] = self.header_value(key, value)
            else:
                self.problem(key, 'must be a string or { env = "NAME" }')
        return found

    def header_value(self, key: str, value: str) -> str:
        """Return a header's value; it may be a secret, so a problem never shows it."""
        if value and not _HEADER_VALUE.fullmatch(value):
            self.problem(key, "contains a line break, a space at an end or a forbidden character")
        return value

    def authority(self, key: str) -> str:
        path = self.file(key)
        try:
            if path:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except OSError:
            self.problem(key, f'"{path}" has no certificate; it must be the path of a PEM file')
        return path

    def switch_or_table(self, key: str, form: str) -> "Table | bool":
        """Return the table below, or the boolean that is there instead."""
        value = self.take(key, (bool, dict), form, False)
        return value if isinstance(value, bool) else self._table(key, value)

    def table(self, key: str) -> "Table | None":
        value = self.take(key, dict, "a table", None)
        return None if value is None else self._table(key, value)

    def tables(self, key: str) -> "list[Table]":
        value = self.take(key, (dict, list), "one table or several", [])
        items = [value] if isinstance(value, dict) else value
        if not all(isinstance(item, dict) for item in items):
            self.problem(key, f"must be one table or several, [[{self._below(key)}]]")
            return []
        return [
            Table(item, self._below(key), self.problems, which_of(item.get("name"), place, items))
            for place, item in enumerate(items, start=1)
        ]

    def named(self, key: str) -> "dict[str, Table]":
        value = self.take(key, dict, f"tables, [{self._below(key)}.NAME]", {})
        found = {}
        for name, item in value.items():
            if not isinstance(item, dict) or not _NAME.fullmatch(name):
                self.problem(
                    f"{key}.{name}",
                    f"must be a table [{self._below(key)}.NAME]; use letters, digits, . _ -",
                )
            else:
                found[name] = Table(item, f"{self._below(key)}.{name}", self.problems)
        return found

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key, " or ".join(choices), choices[0])
        if value not in choices:
            self.problem(key, f'is "{value}"; it must be {" or ".join(choices)}')
        return value

    def done(self) -> None:
        for key in self.values:
            self.problem(
                key, "is not a key of this table" + (did_you_mean(key, self.known) or "; remove it")
            )

    def _table(self, key: str, value: dict[str, Any]) -> "Table":
        return Table(value, self._below(key), self.problems, self.which)

    def _below(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key


def which_of(name: object, place: int, several: Sized) -> str:
    """Describe which of several tables this is; "" if there is only one."""
    if len(several) == 1:
        return ""
    return f' (the one named "{name}")' if isinstance(name, str) else f" (number {place})"
