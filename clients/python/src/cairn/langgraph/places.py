"""Where a LangGraph config points."""

from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig


@dataclass(frozen=True, slots=True)
class Place:
    """A thread, a namespace of it, and a checkpoint there; without an id the latest."""

    thread_id: str
    namespace: str = ""
    checkpoint_id: str | None = None

    @classmethod
    def of(cls, config: RunnableConfig) -> "Place":
        """The place that a config names. LangGraph allows thread ids that are no text."""
        configurable = config["configurable"]
        checkpoint_id = configurable.get("checkpoint_id")
        return cls(str(configurable["thread_id"]), configurable.get("checkpoint_ns") or "", checkpoint_id or None)

    @property
    def config(self) -> RunnableConfig:
        """A config that names it."""
        configurable = {"thread_id": self.thread_id, "checkpoint_ns": self.namespace}
        if self.checkpoint_id is not None:
            configurable["checkpoint_id"] = self.checkpoint_id
        return {"configurable": configurable}

    def at(self, checkpoint_id: str) -> "Place":
        """Another checkpoint of the namespace."""
        return Place(self.thread_id, self.namespace, checkpoint_id)
