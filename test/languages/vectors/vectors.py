"""Python's part of the vectors; the format is told in README.md."""

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cairn
from cairn.v1.checkpoint_pb2 import Checkpoint


def to_plain(tagged: Any) -> Any:
    match tagged:
        case {"$int": digits, **rest} if not rest:
            return int(digits)
        case {"$float": bits, **rest} if not rest:
            return struct.unpack(">d", bytes.fromhex(bits))[0]
        case {"$bytes": data, **rest} if not rest:
            return bytes.fromhex(data)
        case dict():
            return {key: to_plain(value) for key, value in tagged.items()}
        case list():
            return [to_plain(value) for value in tagged]
    return tagged


def to_tagged(value: Any) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            return {"$int": str(value)}
        case float():
            return {"$float": struct.pack(">d", value).hex()}
        case bytes():
            return {"$bytes": value.hex()}
        case list():
            return [to_tagged(item) for item in value]
    return {key: to_tagged(item) for key, item in value.items()}


def tell(**line: Any) -> None:
    print(json.dumps(line))


def write(client: cairn.Client, thread: str, vectors: Any) -> None:
    for encoding in ("msgpack", "json"):
        all_of_them = vectors["picked"] + vectors["generated"]
        taken = [vector for vector in all_of_them if vector.get("json", True) or encoding == "msgpack"]
        values = {vector["name"]: to_plain(vector["value"]) for vector in taken}
        client.thread(f"{thread} {encoding}").run({"values": values}, graph="vectors", encoding=encoding)


def read(client: cairn.Client, thread: str) -> None:
    for encoding in ("msgpack", "json"):
        for name, value in client.thread(f"{thread} {encoding}").state().values["values"].items():
            tell(encoding=encoding, name=name, value=to_tagged(value))


def put(client: cairn.Client, thread: str, vectors: Any) -> None:
    for vector in vectors["checkpoints"]:
        checkpoint = Checkpoint.FromString(bytes.fromhex(vector["message"]))
        values = {channel: value.inline for channel, value in checkpoint.channel_values.items()}
        checkpoint.thread_id = f"{thread} {vector['name']}"
        client.checkpoint_store.put(checkpoint, values)


def get(client: cairn.Client, thread: str, vectors: Any) -> None:
    for vector in vectors["checkpoints"]:
        namespace = Checkpoint.FromString(bytes.fromhex(vector["message"])).namespace
        found = client.checkpoint_store.get(f"{thread} {vector['name']}", namespace=namespace)
        values = {ref: (value.type, value.data.hex()) for ref, value in found.values.items()}
        tell(name=vector["name"], message=found.checkpoint.SerializeToString().hex(), values=values)


def refuse(client: cairn.Client, thread: str, vectors: Any) -> None:
    for vector in vectors["refused"]:
        given = {"values": {"at": [to_plain(vector["value"])]}}
        message = ""
        try:
            client.thread(thread).run(given, graph="vectors", encoding=vector["encoding"])
        except (TypeError, ValueError, cairn.CairnError) as error:
            message = str(error)
        tell(name=vector["name"], message=message)


def errors(client: cairn.Client, thread: str) -> None:
    failing: dict[str, Callable[[], Any]] = {
        "missing thread": lambda: client.thread(f"{thread} missing").state(),
        "bad graph": lambda: client.graphs.register("name: bad\nnodes: { a: { worker: {}, colour: red } }"),
        "nothing to resume": lambda: client.thread(f"{thread} none").resume(True),
    }
    for name, call in failing.items():
        try:
            call()
        except cairn.CairnError as error:
            field = error.violations[0].field if error.violations else ""
            tell(name=name, code=error.code.name, reason=error.reason, field=field)


def main(what: str, address: str, space: str, thread: str, file: str) -> None:
    vectors = json.loads(Path(file).read_text())
    with cairn.Client(address, space=space) as client:
        match what:
            case "write":
                write(client, thread, vectors)
            case "read":
                read(client, thread)
            case "put":
                put(client, thread, vectors)
            case "get":
                get(client, thread, vectors)
            case "refuse":
                refuse(client, thread, vectors)
            case "errors":
                errors(client, thread)


if __name__ == "__main__":
    main(*sys.argv[1:])
