"""The triage graph from Python, by nothing but the protos. README.md beside this file says how to run it."""

import json
import os

import grpc
from cairn.v1 import run_service_pb2 as runs
from cairn.v1 import run_service_pb2_grpc, value_pb2


def typed(value):
    return value_pb2.TypedValue(type="json", data=json.dumps(value).encode())


channel = grpc.insecure_channel(os.environ.get("CAIRN_SERVER", "127.0.0.1:50051"))
service = run_service_pb2_grpc.RunServiceStub(channel)
thread = "ticket-from-python"
ticket = {"subject": "Charged twice", "text": "A refund, please.", "amount": 240}

# The request ids make both calls safe to repeat: run this program again, and it gets the same answers.
values = {name: value_pb2.Value(inline=typed(value)) for name, value in ticket.items()}
request = runs.RunRequest(
    thread_id=thread,
    input=runs.Input(values=values),
    options=runs.RunOptions(graph_name="triage"),
    request_id="python-run-1",
)
outcome = service.Run(request).outcome
for interrupt in outcome.state.interrupts:
    print(interrupt.node, "asks, as", interrupt.value.type)

answer = runs.ResumeRequest(thread_id=thread, value=typed({"approved": True}), request_id="python-answer-1")
outcome = service.Resume(answer).outcome
print("done" if outcome.status == 2 else outcome.status, sorted(outcome.state.values))
