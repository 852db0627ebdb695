"""A gRPC server like ours that does nothing: it answers every `ListTraces` with the same bytes.

It listens on the address in its first argument and reads the answer from standard input.
"""

import sys

import grpc
import grpc.aio
import uvloop

SWITCH = 0.001  # seconds, as in opsportal.processes, whose import needs Django


async def main(address: str, answer: bytes) -> None:
    async def list_traces(request: bytes, context: object) -> bytes:
        return answer

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler: grpc.RpcMethodHandler[bytes, bytes]
    handler = grpc.unary_unary_rpc_method_handler(list_traces)
    server.add_registered_method_handlers("ops.Ops", {"ListTraces": handler})
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    sys.setswitchinterval(SWITCH)
    uvloop.run(main(sys.argv[1], sys.stdin.buffer.read()))
