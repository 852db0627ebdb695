"""OpsError as gRPC statuses, in one place; and what surrounds every call."""

import functools
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import grpc.aio
from google.protobuf import any_pb2
from google.rpc import status_pb2
from grpc import StatusCode
from grpc_status import rpc_status

from ops import metrics
from ops.actor import Actor, new_request_id, request_id
from ops.errors import (
    BackendTimeout,
    BackendUnavailable,
    Conflict,
    InvalidInput,
    NotConfirmed,
    NotFound,
    NotPermitted,
    OpsError,
)
from ops.rpc.auth import Unauthenticated, actor_of
from ops.rpc.messages import sampling_change
from ops.sampling.actions import SamplingChange

STATUS: dict[type[OpsError], StatusCode] = {
    OpsError: StatusCode.INTERNAL,
    InvalidInput: StatusCode.INVALID_ARGUMENT,
    NotFound: StatusCode.NOT_FOUND,
    NotPermitted: StatusCode.PERMISSION_DENIED,
    Conflict: StatusCode.FAILED_PRECONDITION,
    NotConfirmed: StatusCode.ABORTED,
    BackendUnavailable: StatusCode.UNAVAILABLE,
    BackendTimeout: StatusCode.DEADLINE_EXCEEDED,
}

Request = TypeVar("Request")
Response = TypeVar("Response")
Context = grpc.aio.ServicerContext[Any, Any]
log = logging.getLogger(__name__)


def rpc(
    method: Callable[[Any, Actor, Request], Awaitable[Response]],
) -> Callable[[Any, Request, Context], Awaitable[Response]]:
    """Make `(self, actor, request)` a servicer method.

    It gets the actor, a request id (returned as trailing metadata `x-request-id`), metrics, and
    turns what is raised into a status.
    """

    @functools.wraps(method)
    async def call(self: Any, request: Request, context: Context) -> Response:
        context.set_trailing_metadata((("x-request-id", new_request_id()),))
        started, status = time.perf_counter(), StatusCode.CANCELLED
        try:
            answer = await method(self, await actor_of(context), request)
            status = StatusCode.OK
            return answer
        except Unauthenticated as error:
            status = StatusCode.UNAUTHENTICATED
            await context.abort(status, str(error))
        except OpsError as error:
            status = status_of(error)
            await _abort(context, status, error)
        except Exception:
            log.exception("%s failed", method.__name__)
            status = StatusCode.INTERNAL
            await context.abort(
                status, f"something failed inside OpsPortal; the log has it under {request_id()}"
            )
        finally:
            metrics.requests.labels("grpc", status.name).inc()
            metrics.request_seconds.labels("grpc").observe(time.perf_counter() - started)

    return call


def status_of(error: OpsError) -> StatusCode:
    """Return the status of an error: its own class's, or the nearest base's."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


async def _abort(context: Context, status: StatusCode, error: OpsError) -> NoReturn:
    if isinstance(error, NotConfirmed) and isinstance(error.result, SamplingChange):
        details = any_pb2.Any()
        details.Pack(sampling_change(error.result))
        rich = status_pb2.Status(code=status.value[0], message=str(error), details=[details])
        await context.abort_with_status(rpc_status.to_status(rich))
    await context.abort(status, str(error))
