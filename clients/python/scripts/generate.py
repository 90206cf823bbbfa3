"""Makes what is generated of this client: `cairn/v1` and `cairn/neograph/v1` of the protos, and `cairn/_sync` of `cairn/_async`.

    python scripts/generate.py [--check]

With `--check` nothing is written: tells what is out of date, and ends with 1 if anything is.
"""

import argparse
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import unasync
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

CLIENT = Path(__file__).resolve().parents[1]
PROTO = CLIENT.parents[1] / "proto"
NAMES = sorted(path.relative_to(PROTO).as_posix() for path in (PROTO / "cairn/v1").glob("*.proto"))
NEOGRAPH_NAMES = ["neograph/v1/checkpoint_service.proto"]

ASYNC, SYNC, WIRE = "src/cairn/_async", "src/cairn/_sync", "src/cairn/v1"
# NeoGraph's package is not ours to take: its messages stand in ours.
NEOGRAPH_WIRE = "src/cairn/neograph/v1"
# What differs between gRPC's two Pythons is written by hand for each.
BY_HAND = {"wire.py"}
REPLACEMENTS = {
    "AsyncCheckpointStore": "CheckpointStore",
    "AsyncClient": "Client",
    "AsyncGraphs": "Graphs",
    "AsyncPutValues": "PutValues",
    "AsyncSaverCalls": "SaverCalls",
    "AsyncThread": "Thread",
    "AsyncThreads": "Threads",
    "AsyncTransport": "Transport",
    "AsyncValueTable": "ValueTable",
    "_async": "_sync",
    "aclosing": "closing",
}


def generate_messages(client: Path) -> None:
    """Compiles the protos. The rules of buf.validate are the server's: a client goes without that dependency."""
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder) / "descriptors.binpb"
        includes = [f"-I{PROTO}", f"-I{files('grpc_tools') / '_proto'}"]
        described = f"--descriptor_set_out={descriptors}"
        compile_protos(*includes, "--include_imports", "--include_source_info", described, *NAMES, *NEOGRAPH_NAMES)
        descriptors.write_bytes(without_validation(descriptors.read_bytes()))
        out = client / "src"
        # Beside this Python, whether or not that is on the PATH.
        plugin = f"--plugin=protoc-gen-mypy={Path(sys.executable).with_name('protoc-gen-mypy')}"
        for names, to in ((NAMES, out), (NEOGRAPH_NAMES, out / "cairn")):
            made = [f"--python_out={to}", f"--mypy_out=quiet:{to}"]
            compile_protos(f"--descriptor_set_in={descriptors}", plugin, *made, *names)
    for wire, whose in ((WIRE, "the API"), (NEOGRAPH_WIRE, "NeoGraph's checkpoint service")):
        (client / wire / "__init__.py").write_text(f'"""The messages of {whose}, as protobuf makes them."""\n')


def without_validation(serialized: bytes) -> bytes:
    """The same descriptors without options that protobuf itself does not know, and without the file that has them."""
    descriptors = FileDescriptorSet.FromString(serialized)
    descriptors.DiscardUnknownFields()
    for file in descriptors.file:
        kept = [name for name in file.dependency if not name.startswith("buf/")]
        file.dependency[:] = kept
    return descriptors.SerializeToString()


def compile_protos(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        raise SystemExit("protoc refused the protos; it said why above")


def generate_sync(client: Path) -> None:
    """Takes `async` and `await` out of what is written for asyncio."""
    sources = [path for path in sorted((CLIENT / ASYNC).glob("*.py")) if path.name not in BY_HAND]
    rule = unasync.Rule(fromdir=f"{CLIENT / ASYNC}/", todir=f"{client / SYNC}/", additional_replacements=REPLACEMENTS)
    unasync.unasync_files([str(path) for path in sources], [rule])
    made = [client / SYNC / path.name for path in sources]
    for path in made:
        path.write_text(
            f"# Generated of {ASYNC.rpartition('/')[2]}/{path.name} by scripts/generate.py.\n{path.read_text()}"
        )
    config = ["--config", str(CLIENT / "pyproject.toml")]
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", *config, "--quiet", "--select=I,F401", "--fix", *made], check=True, cwd=CLIENT)
    subprocess.run([*ruff, "format", *config, "--quiet", *made], check=True, cwd=CLIENT)


def generated_files(client: Path) -> dict[str, bytes]:
    wires = [path for wire in (WIRE, NEOGRAPH_WIRE) for path in (client / wire).rglob("*.py*")]
    wire = {path for path in wires if "__pycache__" not in path.parts}
    sync = {path for path in (client / SYNC).glob("*.py") if path.name not in BY_HAND}
    return {path.relative_to(client).as_posix(): path.read_bytes() for path in wire | sync}


def generate() -> dict[str, bytes]:
    """What the generated files are to hold."""
    with tempfile.TemporaryDirectory() as folder:
        client = Path(folder)
        for part in (WIRE, NEOGRAPH_WIRE, SYNC):
            (client / part).mkdir(parents=True)
        generate_messages(client)
        generate_sync(client)
        return generated_files(client)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--check", action="store_true")
    is_check = arguments.parse_args().check
    fresh, committed = generate(), generated_files(CLIENT)
    # Missing, superfluous, or not what would be generated now.
    stale = sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))
    if is_check:
        print("\n".join(f"{name} is out of date: run scripts/generate.py" for name in stale) or "up to date")
        sys.exit(1 if stale else 0)
    for name in stale:
        path = CLIENT / name
        if name in fresh:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(fresh[name])
        else:
            path.unlink()


if __name__ == "__main__":
    main()
