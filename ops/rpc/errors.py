"""Turn errors into gRPC statuses, in one place, and wrap every call."""

import contextlib
import functools
import logging
import string
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc_status import rpc_status

from ops import limits, metrics
from ops.actor import Actor, new_request_id, request_id
from ops.errors import (
    BackendTimeout,
    BackendUnavailable,
    Busy,
    Conflict,
    DatabaseUnavailable,
    InvalidInput,
    NotConfirmed,
    NotFound,
    NotPermitted,
    NotSetUp,
    OpsError,
)
from ops.guard import check, name_of
from ops.rpc import messages, time_left
from ops.rpc.auth import Unauthenticated, actor_of
from ops.sampling.actions import SamplingChange
from proto.ops import ops_pb2

STATUS: dict[type[Exception], StatusCode] = {
    Unauthenticated: StatusCode.UNAUTHENTICATED,
    OpsError: StatusCode.INTERNAL,
    InvalidInput: StatusCode.INVALID_ARGUMENT,
    NotFound: StatusCode.NOT_FOUND,
    NotSetUp: StatusCode.NOT_FOUND,
    NotPermitted: StatusCode.PERMISSION_DENIED,
    Conflict: StatusCode.FAILED_PRECONDITION,
    NotConfirmed: StatusCode.ABORTED,
    Busy: StatusCode.RESOURCE_EXHAUSTED,
    DatabaseUnavailable: StatusCode.UNAVAILABLE,
    BackendUnavailable: StatusCode.UNAVAILABLE,
    BackendTimeout: StatusCode.DEADLINE_EXCEEDED,
}

# Clients refuse trailers above 8 KiB and then see neither status nor message. This many bytes
# leave room for a message that is sent twice (escaped, and in the details) and for base64.
MOST_MESSAGE = 2_000
MOST_DETAILS = 2_300
_UNREADABLE = (
    "the request cannot be read as this method's protobuf message; "
    "generate the client from proto/ops/ops.proto"
)
_NOT_ESCAPED = string.punctuation.replace("%", "") + " "

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response")
Context = grpc.aio.ServicerContext[Any, Any]
log = logging.getLogger(__name__)


def rpc(
    action: Callable[..., Awaitable[Any]],
    kind: type[Request],
    *others: Callable[..., Awaitable[Any]],
) -> Callable[
    [Callable[[Any, Actor, Request], Awaitable[Response]]],
    Callable[[Any, bytes, Context], Awaitable[Response]],
]:
    """Make `(self, actor, request)` a servicer method that runs an action on a `kind` message.

    The method gets the actor and a request ID, which the caller finds in the trailing metadata
    as `x-request-id`. It is counted and timed, and its exceptions become statuses. It runs only
    if the caller may run the action, or one of `others`, and the request is not too large.
    """
    names = [*map(name_of, (action, *others))]

    def wrap(
        method: Callable[[Any, Actor, Request], Awaitable[Response]],
    ) -> Callable[[Any, bytes, Context], Awaitable[Response]]:
        @functools.wraps(method)
        async def call(self: Any, data: bytes, context: Context) -> Response:
            context.set_trailing_metadata((("x-request-id", new_request_id()),))
            time_left.note(context.time_remaining)
            started, status = time.perf_counter(), StatusCode.CANCELLED
            try:
                actor = await actor_of(context)
                answer = await method(self, actor, await _read(actor, names, kind, data))
                status = StatusCode.OK
            except Exception as error:  # noqa: BLE001 - the one place where each gets its status
                status = status_of(error)
                await _abort(context, status, error)
            else:
                return answer
            finally:
                metrics.requests.labels("grpc", status.name).inc()
                metrics.request_seconds.labels("grpc").observe(time.perf_counter() - started)

        return call

    return wrap


async def _read(actor: Actor, names: Sequence[str], kind: type[Request], data: bytes) -> Request:
    """Return the request if the caller may make it; raises NotPermitted, then InvalidInput."""
    request = None
    with contextlib.suppress(DecodeError):
        request = kind.FromString(data) if len(data) <= limits.LARGEST_REQUEST else None
    fields = list(messages.fields(request)) if request is not None else []
    await check(actor, *names, **dict(fields))
    limits.check_size(len(data))
    if request is None:
        raise InvalidInput(_UNREADABLE)
    limits.check_fields(fields)
    return request


class ReadableRequests:
    """A server for generated services, which refuses what is no message with INVALID_ARGUMENT.

    gRPC would answer UNKNOWN with the name of a Python class. An interceptor would do, but takes
    time from every call of our own service, whose methods read their requests themselves.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Do nothing: generated code also registers the same methods by name."""

    def add_registered_method_handlers(self, service: str, methods: Mapping[str, Any]) -> None:
        """Add methods; those of streams stay as they are."""
        readable = {name: _readable(handler) for name, handler in methods.items()}
        self._server.add_registered_method_handlers(service, readable)


def _readable(handler: Any) -> Any:
    if handler.unary_unary is None:
        return handler

    async def call(data: bytes, context: Context) -> Any:
        try:
            request = handler.request_deserializer(data)
        except DecodeError:
            metrics.requests.labels("grpc", StatusCode.INVALID_ARGUMENT.name).inc()
            await context.abort(StatusCode.INVALID_ARGUMENT, _UNREADABLE)
        return await handler.unary_unary(request, context)

    return grpc.unary_unary_rpc_method_handler(
        call, response_serializer=handler.response_serializer
    )


def status_of(error: Exception) -> StatusCode:
    """Return an error's status: its own class's or the nearest base's, else INTERNAL."""
    known = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(known, StatusCode.INTERNAL)


async def _abort(context: Context, status: StatusCode, error: Exception) -> NoReturn:
    if not isinstance(error, tuple(STATUS)):
        log.error("a call failed", exc_info=error)
        error = OpsError(f"something went wrong inside OpsPortal; log entry: {request_id()}")
    message = _short(str(error))
    if isinstance(error, NotConfirmed) and isinstance(error.result, SamplingChange):
        details = AnyMessage()
        details.Pack(_short_answer(error.result))
        rich = Status(code=status.value[0], message=message, details=[details])
        more = rpc_status.to_status(rich).trailing_metadata
        context.set_trailing_metadata((*context.trailing_metadata(), *more))
    await context.abort(status, message)


def _short(text: str) -> str:
    """Return the text, cut if its escaped form would be too long for clients."""
    short = text.encode(errors="replace").decode()
    while len(quote(short, safe=_NOT_ESCAPED)) > MOST_MESSAGE:
        short = f"{short[: len(short) * 9 // 10]}…"
    return short


def _short_answer(change: SamplingChange) -> ops_pb2.ChangeSamplingResp:
    """Return the response, failed instances first; of a very large service, cut at the end."""
    answer = messages.sampling_change(change)
    answer.instances.sort(key=lambda instance: instance.confirmed)
    while answer.ByteSize() > MOST_DETAILS and answer.instances:
        answer.instances.pop()
    return answer
