"""Cairn as LangGraph's checkpointer: `CairnSaver`. Needs `pip install cairn[langgraph]`."""

from cairn.langgraph.saver import CairnSaver
from cairn.langgraph.shared import SharedSerializer, UnreadableValue

__all__ = ["CairnSaver", "SharedSerializer", "UnreadableValue"]
