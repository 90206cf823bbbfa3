"""Cairn as LangGraph's checkpointer: `CairnSaver`. Needs `pip install cairn[langgraph]`."""

from cairn.langgraph.saver import CairnSaver

__all__ = ["CairnSaver"]
