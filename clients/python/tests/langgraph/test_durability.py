"""What `durability="sync"` saves is the checkpoint as it was, as docs/langgraph-python.md advises."""

import operator
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.channels import Topic
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from serve import Cairn

from cairn.langgraph import CairnSaver


class State(TypedDict):
    log: Annotated[list[str], operator.add]
    all: Annotated[list[str], Topic(str, accumulate=True)]


def told(name: str) -> Any:
    return lambda _: {"log": [name], "all": [name]}


def ask(state: State) -> dict[str, Any]:
    return {"log": [interrupt("Go on?")]}


def join(state: State) -> dict[str, Any]:
    return {"log": [f"join after {', '.join(state['log'])}"]}


def test_a_barrier_and_a_topic_are_saved_as_they_were(server: Cairn, thread_id: str) -> None:
    with CairnSaver(server.address) as saver:
        builder = StateGraph(State)
        for name in ("a", "b"):
            builder.add_node(name, told(name))
        builder.add_node("ask", ask)
        builder.add_node("join", join)
        for edge in ((START, "a"), ("a", "b"), ("a", "ask")):
            builder.add_edge(*edge)
        builder.add_edge(["a", "b"], "join")
        graph = builder.compile(checkpointer=saver)
        config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
        graph.invoke(State(log=[], all=[]), config, durability="sync")
        assert graph.get_state(config).next == ("ask",)
        done = graph.invoke(Command(resume="yes"), config, durability="sync")
        assert done["log"] == ["a", "yes", "b", "join after a, yes, b"]
        topics = [state.values.get("all", []) for state in graph.get_state_history(config)]
        assert topics == [["a", "b"], ["a", "b"], ["a"], [], []]
