"""Server reflection, in the version that new clients use and in the one that old clients use.

grpcio ships `grpc.reflection.v1alpha` only. `grpc.reflection.v1` has the same messages in
another package (grpc/reflection/v1/reflection.proto in the gRPC repository), so its descriptor
is derived from the older one, and one servicer answers both.
"""

from typing import Any

import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection, reflection_pb2

OLD = reflection.SERVICE_NAME
NEW = "grpc.reflection.v1.ServerReflection"
_METHOD = "ServerReflectionInfo"


def add_reflection(server: grpc.aio.Server, services: tuple[str, ...]) -> None:
    """Let the server describe the services with these full names, and reflection itself."""
    _describe_new()
    answering = _Reflection((*services, OLD, NEW))
    reflect = grpc.stream_stream_rpc_method_handler(
        answering.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    handlers = {_METHOD: reflect}
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, handlers) for name in (OLD, NEW))
    )


class _Reflection(reflection.aio.ReflectionServicer):  # type: ignore[misc]  # it has no types
    def _file_containing_symbol(self, request: Any, fully_qualified_name: str) -> Any:
        """Find methods too; Python's descriptor pool does not list them among its symbols."""
        service, _, method = fully_qualified_name.rpartition(".")
        pool = descriptor_pool.Default()
        try:
            found = pool.FindServiceByName(service).methods_by_name
        except KeyError:
            found = {}
        symbol = service if method in found else fully_qualified_name
        return super()._file_containing_symbol(request, symbol)


def _describe_new() -> None:
    """Add the descriptor of the new version to the pool; a second call changes nothing."""
    file = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    file.name, file.package = "grpc/reflection/v1/reflection.proto", NEW.rpartition(".")[0]
    for field in (field for kind in file.message_type for field in kind.field if field.type_name):
        field.type_name = _renamed(field.type_name)
    for method in file.service[0].method:
        method.input_type = _renamed(method.input_type)
        method.output_type = _renamed(method.output_type)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


def _renamed(name: str) -> str:
    return name.replace(".v1alpha.", ".v1.")
