"""Makes Python code of the protos. Nothing of it is committed: each test run makes its own."""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parents[3]
PROTO = ROOT / "proto"
NAMES = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))


def generate(out: Path) -> None:
    """Compiles every .proto file of the repository into the folder, and lets Python import from there."""
    includes = [f"-I{PROTO}", f"-I{files('grpc_tools') / '_proto'}"]
    if protoc.main(["protoc", *includes, f"--python_out={out}", f"--grpc_python_out={out}", *NAMES]) != 0:
        raise RuntimeError("protoc refused the protos; it said why above")
    sys.path.insert(0, str(out))
    # The package `google` is protobuf's own: let it find google/rpc too.
    import google

    google.__path__.append(str(out / "google"))
