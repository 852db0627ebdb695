"""The errors that a source reports in Prometheus's own format, by status and `errorType`."""

from typing import Any

from ops.backends.http import HttpAnswer
from ops.backends.http_errors import DOWN, LIMITED, SourceErrors
from ops.errors import BackendTimeout, InvalidInput, OpsError


class PrometheusErrors(SourceErrors):
    """The errors of one source."""

    __slots__ = ()

    def reported(self, answer: HttpAnswer, body: dict[str, Any]) -> OpsError:
        """Return the error that the server reports in its own format."""
        if answer.status == LIMITED:
            return self.limited(answer)
        kind = str(body.get("errorType") or answer.status)
        words = f"{body.get('error') or 'no reason given'} ({kind})"
        if answer.status in (400, 422):
            return InvalidInput(f"{self.place} refused the query: {words}")
        if kind == "timeout":
            words = f"{self.place} gave up on the query: {words}; try a smaller one"
            return BackendTimeout(words, backend=self.name, answered=True)
        return self.unusable(f"failed: {words}; check its log", answered=answer.status not in DOWN)
