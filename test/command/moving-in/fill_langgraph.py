"""Fills a saver of LangGraph's with threads: fill_langgraph.py sqlite FILE | mongodb URI DATABASE | postgres URI.

One has run to its end, one waits for an answer inside a subgraph, and one has been forked; their states hold what LangGraph's
serializer has words of its own for.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict
from uuid import UUID

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt


@dataclass
class Parcel:
    number: int
    seen: datetime


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    parcel: Parcel
    raw: bytes
    nothing: None
    big: int
    one: float
    tags: set[str]
    key: UUID
    answer: str


def look(state: State) -> dict[str, Any]:
    return {
        "messages": [AIMessage("looking 😀", id="a1")],
        "parcel": Parcel(7, datetime(2026, 1, 2, tzinfo=UTC)),
        "raw": b"\x00\xff",
        "nothing": None,
        "big": 2**63,
        "one": 1.0,
        "tags": {"x"},
        "key": UUID(int=5),
    }


def ask(state: State) -> dict[str, Any]:
    return {"answer": interrupt({"ok?": state["big"]})}


def graphs(saver: Any) -> Any:
    inner = StateGraph(State)
    inner.add_node("ask", ask)
    inner.add_edge(START, "ask")
    outer = StateGraph(State)
    outer.add_node("look", look)
    outer.add_node("inner", inner.compile(checkpointer=True))
    outer.add_edge(START, "look")
    outer.add_edge("look", "inner")
    outer.add_edge("inner", END)
    return outer.compile(checkpointer=saver)


def fill(saver: Any) -> None:
    graph = graphs(saver)
    for thread in ("done", "waiting", "forked"):
        config = {"configurable": {"thread_id": thread}, "metadata": {"who": "äöü"}}
        graph.invoke({"messages": [HumanMessage("where is it?", id="h1")]}, config)
        if thread != "waiting":
            graph.invoke(Command(resume="yes"), config)
        if thread == "forked":
            past = list(graph.get_state_history(config))[-2]
            graph.update_state(past.config, {"one": 2.5})


if __name__ == "__main__":
    if sys.argv[1] == "sqlite":
        from langgraph.checkpoint.sqlite import SqliteSaver

        with SqliteSaver.from_conn_string(sys.argv[2]) as saver:
            fill(saver)
    elif sys.argv[1] == "postgres":
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string(sys.argv[2]) as saver:
            saver.setup()
            fill(saver)
    else:
        from langgraph.checkpoint.mongodb import MongoDBSaver

        with MongoDBSaver.from_conn_string(*sys.argv[2:]) as saver:
            fill(saver)
