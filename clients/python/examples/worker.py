"""A worker of one node, which asks a person. Ends by SIGTERM or Ctrl-C, when the task at work has ended.

cairn serve
python clients/python/examples/worker.py [ADDRESS]
"""

import sys
from typing import Any

import cairn

GRAPH = """
name: greeting
channels: { name: last_value, greeting: last_value }
nodes: { greet: { worker: {} } }
edges: [START -> greet, greet -> END]
"""

client = cairn.Client(*sys.argv[1:])
worker = client.worker()


@worker.node
def greet(state: dict[str, Any], context: cairn.NodeContext) -> dict[str, object]:
    """Asks how formal to be: the node runs again from here when the answer is there."""
    word = "Good day" if context.interrupt({"formal?": state["name"]}) else "Hi"
    for letter in word:
        context.token(context.task_id, letter)
    return {"greeting": f"{word}, {state['name']}!"}


client.graphs.register(GRAPH)
print("serving; now run the graph greeting", flush=True)
worker.run()
