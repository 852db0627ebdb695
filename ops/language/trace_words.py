"""Words of a line about traces that have a meaning of their own, or none."""

from ops.language.amounts import SLOW_WORDS
from ops.language.lines import some
from ops.vocabulary.quoting import in_quotes, quote

FAILED = some(
    """
    error errors err errored erroring erroneous failed failing failure failures fail fails
    broken exception exceptions unsuccessful
    """
)
SUCCEEDED = some("successful success succeeded successes")
FILLER = some(
    """
    trace traces tracing request requests call calls span spans transaction transactions result
    results service services svc app application operation operations endpoint endpoints site
    environment env tag tags attribute attributes label labels status http code codes response
    responses duration latest newest recent recently last first top only now currently happening
    happened took taking takes time go going than ones returned returning
    """
)
RESERVED = FILLER | FAILED | SUCCEEDED | SLOW_WORDS
TIMED = {"", *some("trace traces request requests call calls span spans transactions took")}
HTTP_STATUS = "http.status_code"
INSTANCE = "service.instance.id"


def as_value(value: str) -> str:
    """Write a value so that it is not read as part of the operator before it."""
    return in_quotes(value) if value[:1] in ("=", "~", "<", ">", "!") else quote(value)
