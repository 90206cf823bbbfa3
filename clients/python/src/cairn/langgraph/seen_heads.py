"""Which checkpoints the runs of this process stand on, so that of two runs at once on one thread one is refused."""

import threading
from collections import OrderedDict

from cairn.langgraph.places import Place

_PLACES_MAX = 10_000
"""So many places are remembered; a run that stands on one that was forgotten is not held against others."""


class SeenHeads:
    """A run begins by reading a thread's latest checkpoint, and each that it saves follows the one before. As long as that
    is what happens, what a checkpoint follows has to be the thread's head: if it is not, another run has been faster.

    Whoever reads a checkpoint by its id may go on from it although it is not the latest, which makes a fork. Subgraphs
    are no concern of this: what happens in them ends in a checkpoint of the root graph.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: OrderedDict[Place, None] = OrderedDict()

    def read_latest(self, place: Place, checkpoint_id: str | None) -> None:
        """The latest was asked for, and it was this one; None: there is none yet."""
        if place.namespace == "":
            self._add(place if checkpoint_id is None else place.at(checkpoint_id))

    def read_by_id(self, place: Place) -> None:
        """A checkpoint was asked for by its id."""
        with self._lock:
            self._places.pop(place, None)

    def must_be_head(self, parent: Place, checkpoint_id: str, source: object) -> bool:
        """Whether a checkpoint may be saved only if its parent is the head. Not what says itself that it is a fork, nor
        one that is saved again."""
        if parent.namespace != "" or source == "fork":
            return False
        with self._lock:
            return parent in self._places and parent.at(checkpoint_id) not in self._places

    def saved(self, parent: Place, checkpoint_id: str) -> None:
        """A checkpoint whose parent had to be the head was saved."""
        self._add(parent.at(checkpoint_id))

    def _add(self, place: Place) -> None:
        with self._lock:
            self._places[place] = None
            self._places.move_to_end(place)
            if len(self._places) > _PLACES_MAX:
                self._places.popitem(last=False)
