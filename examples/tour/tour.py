"""The ten tasks of docs/clients.md, which quotes from here. Prints what it saw, as JSON. Usage: tour.py ADDRESS SPACE"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import cairn

address, space = sys.argv[1:]
token = os.environ.get("CAIRN_TOKEN")
text = (Path(__file__).parent / "desk.yaml").read_text()

client = cairn.Client(address, space=space, token=token)

client.graphs.register(text)

worker = client.worker()


@worker.node
def score(state: dict[str, Any]) -> dict[str, object]:
    return {"score": len(state["text"])}


@worker.node
def approve(state: dict[str, Any]) -> dict[str, object]:
    return {"approved": cairn.interrupt({"publish": state["text"]})}


serving = threading.Thread(target=worker.run)  # until worker.stop()
serving.start()

thread = client.thread("python")
outcome = thread.run({"text": "Where is my parcel?"}, graph="desk")

if outcome.status == "interrupted":
    thread.resume(True)

state = thread.state()
steps = []
for earlier in thread.history():
    steps.append(earlier.step)
    if "approve" in earlier.next:
        checkpoint_id = earlier.checkpoint_id

thread.fork(checkpoint_id, {"text": "Better"})
again = thread.run()

watched = []
for event in thread.events(after=0, until_stop=True):
    watched.append(event.number)

refused = ""
try:
    client.thread("missing").state()
except cairn.CairnError as error:
    if error.reason == "THREAD_NOT_FOUND":
        refused = error.reason

worker.stop()
serving.join()
client.close()
asked = [interrupt.value for interrupt in again.interrupts]
seen = {
    "run": outcome.status,
    "values": state.values,
    "next": state.next,
    "steps": steps,
    "asked": asked,
}
print(json.dumps({**seen, "events": len(watched), "refused": refused}))
