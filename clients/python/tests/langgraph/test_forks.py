"""A thread of LangGraph's that is forked into a graph of Cairn's and runs on there."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from serve import Cairn

import cairn
from cairn.langgraph import CairnSaver

GRAPH = """
name: support
channels: { messages: append, facts: last_value, count: last_value }
nodes:
  look:
    expression:
      update:
        messages: '[{"type": "ai", "content": "To: " + state.messages[1].content}]'
        count: 'size(state.messages) + state.facts.tags.size()'
edges: [ START -> look ]
"""


@dataclass
class Facts:
    tags: frozenset[str]
    due: date
    owner: uuid.UUID


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    facts: Facts
    private: str


def ask(state: State) -> dict[str, Any]:
    return {"private": interrupt("Go on?")}


def test_a_thread_with_messages_is_forked_and_runs_on(client: cairn.Client, server: Cairn, thread_id: str) -> None:
    owner = uuid.uuid4()
    with CairnSaver(server.address) as saver:
        builder = StateGraph(State).add_node("ask", ask).add_edge(START, "ask")
        theirs = builder.compile(checkpointer=saver)
        config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
        messages: list[AnyMessage] = [SystemMessage("Be kind."), HumanMessage("Ada?", id="m1", name="Grace")]
        facts = Facts(frozenset({"a"}), date(2026, 11, 27), owner)
        theirs.invoke(State(messages=messages, facts=facts, private=""), config)
        client.graphs.register(GRAPH)
        thread = client.thread(thread_id)
        with pytest.raises(cairn.CairnError, match="channel_mapping") as refused:
            thread.run(None, graph="support")
        assert refused.value.reason == "ORIGIN_MISMATCH"

        before = thread.state()
        state = thread.update_state(
            None,
            graph="support",
            channel_mapping={"messages": "messages", "facts": "facts"},
            expected_head=before.checkpoint_id,
        )
        assert (state.source, state.parent_id, state.next) == ("fork", before.checkpoint_id, ("look",))
        assert state.values["facts"] == {"tags": ["a"], "due": [2026, 11, 27], "owner": owner.hex}
        assert [(each["type"], each["content"]) for each in state.values["messages"]] == [
            ("system", "Be kind."),
            ("human", "Ada?"),
        ]
        assert state.values["messages"][1]["name"] == "Grace"
        assert state.metadata["forked_from"] == "langgraph"
        assert state.metadata["left_out"] == [
            'channel "branch:to:ask"',
            'channel "private"',
            "1 pending writes",
        ]
        outcome = thread.run()
        assert outcome.status == "done"
        assert outcome.state.values["count"] == 3
        assert outcome.state.values["messages"][2] == {"type": "ai", "content": "To: Ada?"}

        # LangGraph goes on from where it was, by the checkpoint's id.
        kept = theirs.get_state({"configurable": {"thread_id": thread_id, "checkpoint_id": before.checkpoint_id}})
        assert kept.values["messages"][1].content == "Ada?"
