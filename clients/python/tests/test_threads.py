"""Threads and graphs: finding, creating, copying, moving and removing them."""

from datetime import datetime, timedelta, timezone

import pytest
from desk import GRAPH, NAME

import cairn

INPUT = {"question": "?"}


def test_threads_are_created_listed_and_deleted(client: cairn.Client, thread_id: str) -> None:
    made = client.threads.create(thread_id, metadata={"customer": thread_id, "n": 1.0}, ttl=3600)
    assert (made.id, made.status, made.ttl) == (thread_id, "idle", timedelta(hours=1))
    assert made.metadata == {"customer": thread_id, "n": 1.0}
    assert made.created_at is not None and abs(made.created_at - datetime.now(timezone.utc)) < timedelta(minutes=5)
    with pytest.raises(cairn.CairnError) as refused:
        client.threads.create(thread_id)
    assert refused.value.reason == "THREAD_EXISTS"
    thread = client.thread(thread_id)
    assert not thread.ensure({"customer": "another"})
    assert [found.id for found in client.threads.list(metadata={"customer": thread_id, "n": 1})] == [thread_id]
    assert list(client.threads.list(metadata={"customer": thread_id}, status="busy")) == []
    assert thread.set_ttl(None).ttl is None
    assert thread.delete() and not thread.delete()
    assert thread.ensure()


def test_a_thread_is_copied_pruned_and_moved(client: cairn.Client, thread_id: str) -> None:
    client.graphs.register(GRAPH)
    thread = client.thread(thread_id)
    thread.run(INPUT, graph=NAME)
    copy = thread.copy(f"{thread_id} copy")
    assert [state.checkpoint_id for state in copy.history()] == [state.checkpoint_id for state in thread.history()]
    assert copy.prune(keep=1, older_than=datetime(2020, 1, 1, tzinfo=timezone.utc)) == 0
    assert copy.prune(keep=1) == 2
    assert len(list(copy.history())) == 1
    chunks = list(client.threads.export(thread_id))
    moved, records = client.threads.import_(chunks, thread_id=f"{thread_id} moved")
    assert records > 0
    assert client.thread(moved.id).resume(True).status == "done"
    with pytest.raises(cairn.CairnError) as refused:
        client.threads.import_([chunks[0][:-1]], thread_id=f"{thread_id} damaged")
    assert refused.value.reason == "INVALID_FIELD"


def test_graphs_are_registered_drawn_and_listed(client: cairn.Client, thread_id: str) -> None:
    first, _ = client.graphs.register(GRAPH)
    again, created = client.graphs.register(GRAPH)
    assert not created and (again.hash, again.revision) == (first.hash, first.revision)
    found = client.graphs.get(NAME, hash=first.hash)
    assert found.spec is not None and "check" in found.spec.nodes
    assert client.graphs.register(found.spec)[0].hash == first.hash, "the message is the same graph as its text"
    assert NAME in [graph.name for graph in client.graphs.list(page_size=1)]
    client.thread(thread_id).run(INPUT, graph=NAME)
    drawings = [client.graphs.draw(NAME), client.graphs.draw_source(GRAPH), client.graphs.draw_thread(thread_id)]
    assert all("check" in drawing for drawing in drawings)
    assert [told.thread for told in client.graphs.migrate(NAME, dry_run=True) if told.thread] == []


async def test_the_same_with_asyncio(aclient: cairn.AsyncClient, thread_id: str) -> None:
    await aclient.threads.create(thread_id, metadata={"customer": thread_id})
    assert [found.id async for found in aclient.threads.list(metadata={"customer": thread_id})] == [thread_id]
    chunks = [chunk async for chunk in aclient.threads.export(thread_id)]
    moved, _ = await aclient.threads.import_(chunks, thread_id=f"{thread_id} moved")
    assert moved.metadata == {"customer": thread_id}
    assert await aclient.thread(thread_id).delete()
