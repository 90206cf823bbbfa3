"""LangGraph for Python on a thread that LangGraph.js has as well; `two-langgraphs.test.ts` says how.

    two_langgraphs.py ADDRESS SPACE THREAD ACT

ACT is JSON: {"input": …}, {"resume": …} or {}. Prints where the thread stands, as JSON.
"""

import json
import sys
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Send, interrupt

from cairn.langgraph import CairnSaver, SharedSerializer


def extend(old: list[str] | None, new: list[str]) -> list[str]:
    return [*(old or []), *new]


class State(TypedDict, total=False):
    log: Annotated[list[str], extend]
    messages: Annotated[list[AnyMessage], add_messages]
    own: Any


def draft(state: State) -> State:
    return {"log": ["draft in python"], "messages": [AIMessage(f"Re: {state['messages'][-1].content}", id=None)]}


def approve(state: State) -> State:
    return {"log": [f"{interrupt({'send': state['messages'][-1].content})} in python"]}


def note(_: State) -> State:
    return {"log": ["note in python"]}


def fan_out(_: State) -> list[Send]:
    return [Send("send", {"to": name}) for name in ("ada", "grace")]


def send(state: dict[str, Any]) -> State:
    to = state["to"]
    return {"log": [f"to {interrupt('who?') if to == 'grace' else to} in python"]}


def main() -> None:
    address, space, thread, act = sys.argv[1:]
    builder = StateGraph(State)
    for node in (draft, approve, note, send):
        builder.add_node(node)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "approve")
    builder.add_edge("draft", "note")
    builder.add_conditional_edges("approve", fan_out, ["send"])
    with CairnSaver(address, space=space, serde=SharedSerializer()) as saver:
        graph = builder.compile(checkpointer=saver)
        config: Any = {"configurable": {"thread_id": thread}}
        what = json.loads(act)
        if "input" in what:
            given = {"messages": [HumanMessage(what["input"])]}
            if "own" in what:
                given["own"] = set(what["own"])
            graph.invoke(given, config)
        if "resume" in what:
            graph.invoke(Command(resume=what["resume"]), config)
        state = graph.get_state(config)
        values = state.values
        own = values.get("own")
        try:
            own = sorted(own) if isinstance(own, set) else own and own["key"]
        except ValueError as error:
            own = f"{error}"
        print(
            json.dumps(
                {
                    "log": values["log"],
                    "messages": [[message.type, message.content] for message in values["messages"]],
                    "own": own,
                    "next": list(state.next),
                    "interrupts": [each.value for each in state.interrupts],
                }
            )
        )


main()
