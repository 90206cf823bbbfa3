"""The Python side of the measuring of workers: python peer.py ADDRESS echo | worker SLOTS."""

import queue
import sys
from typing import Any

import cairn
import grpc

address, kind = sys.argv[1:3]


def echo() -> None:
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    channel = grpc.insecure_channel(address)
    for message in channel.stream_stream("/bench.Echo/Talk")(iter(answers.get, None)):
        answers.put(message)


def work(slots: int) -> None:
    worker = cairn.Client(address).worker(id="peer", slots=slots)

    @worker.node
    def same(state: dict[str, Any]) -> dict[str, object]:
        return {"text": state["text"]}

    @worker.node
    def tell(state: dict[str, Any], context: cairn.NodeContext) -> None:
        for _ in range(state["count"]):
            context.token(context.task_id, "word ")

    worker.run()


if kind == "echo":
    echo()
else:
    work(int(sys.argv[3]))
