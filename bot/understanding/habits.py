"""Leave out what other tools want before a command: `kubectl logs x`, `/ops alerts`, `!alerts`."""

import re

_TOOLS = (
    "sudo|kubectl|k8s|oc|helm|docker|podman|stern|amtool|promtool|jaeger|tempo|grafana|hubot|"
    "opsportal|opsbot|ops|bot|slackbot|siri|alexa|run|exec"
)
_SIGNS = re.compile(r"^[\s/!@#$%>.,:;~\\\\|*_-]+")
_ADDRESS = re.compile(rf"^(?:{_TOOLS})\b[\s:,]+(?=\S)", re.IGNORECASE)
_AROUND = (('"', '"'), ("'", "'"), ("(", ")"), ("[", "]"), ("<", ">"), ("`", "`"))
_MOST = 4


def without_habits(text: str) -> str:
    """Return a text without such a start, and without quotes around all of it.

    At least one word stays: `ops` alone is not left out.
    """
    line = text.strip()
    for _ in range(_MOST):
        before = line
        line = _ADDRESS.sub("", _SIGNS.sub("", line) or line, count=1)
        for opening, closing in _AROUND:
            inside = line[1:-1]
            around = len(line) > 2 and line[0] == opening and line[-1] == closing
            if around and opening not in inside and closing not in inside:
                line = inside.strip()
        if line == before:
            break
    return line
