"""Python's part of the archive: which files a folder has, and the text of each. Usage: worker.py ADDRESS SPACE."""

import email
import email.policy
import os
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cairn

READABLE = {".txt", ".md", ".html", ".htm", ".eml"}
FILE_BYTES_MAX = 4 * 1024 * 1024


class TextOfHtml(HTMLParser):
    """The title and the words of a page, without scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.words: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("script", "style", "title"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if self._inside == ["title"]:
            self.title += data
        elif not self._inside:
            self.words.append(data)


def text_of(path: Path) -> tuple[str, str]:
    """A file's title and text. Raises ValueError for what can't be read."""
    size = path.stat().st_size
    if size > FILE_BYTES_MAX:
        raise ValueError(f"it has {size} bytes, more than {FILE_BYTES_MAX}")
    content = path.read_bytes()
    if path.suffix == ".eml":
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(preferencelist=("plain", "html"))
        if body is None:
            raise ValueError("the message has no text")
        text = body.get_content()
        title = str(message["subject"] or path.name)
        return (title, text_of_html(text)[1]) if body.get_content_subtype() == "html" else (title, text)
    text = content.decode("utf-8")
    if path.suffix in (".html", ".htm"):
        title, text = text_of_html(text)
        return title or path.name, text
    first = next((line for line in text.splitlines() if line.strip()), path.name)
    return first.lstrip("# ").strip(), text


def text_of_html(text: str) -> tuple[str, str]:
    parser = TextOfHtml()
    parser.feed(text)
    return parser.title.strip(), " ".join(parser.words)


def serve(address: str, space: str) -> None:
    with cairn.Client(address, space=space) as client:
        worker = client.worker(id=f"archive-python-{os.getpid()}", slots=4)

        @worker.node
        def collect(state: dict[str, Any]) -> cairn.Command:
            folder = Path(state["folder"])
            files = sorted(path for path in folder.iterdir() if path.suffix in READABLE)
            if not files:
                raise ValueError(f"{folder} has no file that ends in {', '.join(sorted(READABLE))}")
            return cairn.Command(goto=[cairn.Send("extract", str(path)) for path in files])

        @worker.node
        def extract(file: str) -> dict[str, Any]:
            try:
                title, text = text_of(Path(file))
            except ValueError as why:
                return {"unread": [{"file": file, "why": str(why)}]}
            return {"documents": [{"file": file, "title": title, "text": text}]}

        worker.run()


if __name__ == "__main__":
    serve(*sys.argv[1:])
