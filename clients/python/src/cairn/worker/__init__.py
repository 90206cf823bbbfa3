"""Workers: processes that run the code of a graph's nodes. `client.worker()` makes one."""

from cairn.worker.command import Command, Goto, Overwrite, Send, Target
from cairn.worker.context import Interrupted, NodeContext, interrupt
from cairn.worker.worker import Worker

__all__ = ["Command", "Goto", "Interrupted", "NodeContext", "Overwrite", "Send", "Target", "Worker", "interrupt"]
