"""Generate the Python code of every .proto file beside it: `python -m proto.generate`.

With `--check` it writes nothing and fails if the code in the tree differs from its output.

OTLP's and Google's messages come from installed packages, which ship no .proto sources, so
their descriptors are passed to protoc instead.
"""

import filecmp
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.type import date_pb2
from grpc_tools import protoc
from opentelemetry.proto.trace.v1 import trace_pb2

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent
FOREIGN = (
    duration_pb2.DESCRIPTOR,
    timestamp_pb2.DESCRIPTOR,
    date_pb2.DESCRIPTOR,
    trace_pb2.DESCRIPTOR,
)


def generate(out: Path = ROOT) -> None:
    """Write *_pb2.py, *_pb2.pyi, *_pb2_grpc.py and *_pb2_grpc.pyi below `out`."""
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "proto").rglob("*.proto"))
    with TemporaryDirectory() as folder:
        foreign = Path(folder) / "foreign.binpb"
        foreign.write_bytes(_descriptors().SerializeToString())
        status = protoc.main(
            [
                "protoc",
                *(
                    f"--plugin={TOOLS / name}"
                    for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
                ),
                f"--descriptor_set_in={foreign}",
                f"--proto_path={ROOT}",
                f"--python_out={out}",
                f"--grpc_python_out={out}",
                f"--mypy_out=quiet:{out}",
                f"--mypy_grpc_out=quiet:{out}",
                *sources,
            ]
        )
    if status:
        sys.exit(status)


def _descriptors() -> FileDescriptorSet:
    """Return the foreign files and everything they import, each after its imports."""
    files: dict[str, FileDescriptor] = {}

    def add(file: FileDescriptor) -> None:
        for imported in file.dependencies:
            add(imported)
        files.setdefault(file.name, file)

    for file in FOREIGN:
        add(file)
    found = FileDescriptorSet()
    for file in files.values():
        file.CopyToProto(found.file.add())
    return found


def drifted() -> list[str]:
    """Return the generated files that differ from what `generate` would write now."""
    with TemporaryDirectory() as folder:
        generate(Path(folder))
        made = {file.relative_to(folder) for file in Path(folder).rglob("*_pb2*")}
        kept = {file.relative_to(ROOT) for file in (ROOT / "proto").rglob("*_pb2*.py*")}
        same = filecmp.cmpfiles(ROOT, folder, made & kept, shallow=False)[0]
    return sorted(str(file) for file in (made | kept) - set(same) if file.suffix != ".pyc")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        if files := drifted():
            sys.exit(f"generated code is out of date; run make proto: {', '.join(files)}")
    else:
        generate()
