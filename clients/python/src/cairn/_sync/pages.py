# Generated of _async/pages.py by scripts/generate.py.
"""Walking through lists page by page."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from cairn._sync.wire import Result, Stream

T = TypeVar("T")


def pages(fetch: Callable[[str], Result[tuple[Sequence[T], str]]]) -> Stream[T]:
    """Every item of a list; a page is fetched when the loop gets to it. `fetch` gives a page and the next page's token."""
    token = ""
    while True:
        items, token = fetch(token)
        for item in items:
            yield item
        if token == "":
            return
