"""One error of each kind, whatever its constructor asks for."""

import inspect
from typing import Any

from ops.errors import OpsError
from ops.language.lines import Word

_GIVEN: dict[str, Any] = {"backend": "Jaeger", "word": Word("sentence", 0, 8), "result": None}


def every_kind(kind: type[OpsError] = OpsError) -> list[type[OpsError]]:
    """Return a kind of error and all below it, as far as they are imported."""
    return [kind, *(below for each in kind.__subclasses__() for below in every_kind(each))]


def made(kind: type[OpsError], sentence: str) -> OpsError:
    """Return an error with that sentence."""
    parameters = inspect.signature(kind).parameters.values()
    required = [
        each.name
        for each in parameters
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    more = {name: _GIVEN.get(name, "") for name in required if name != "message"}
    return kind(sentence, **more)
