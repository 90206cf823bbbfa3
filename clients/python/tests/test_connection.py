"""How a client connects, and what it does when the server is not there."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from certificates import Certificates
from desk import GRAPH, NAME
from google.protobuf.descriptor_pool import Default
from serve import Cairn

import cairn
from cairn import methods
from cairn.retry import backoff
from cairn.tls import is_this_machine
from cairn.v1.admin_service_pb2 import GetStatusRequest

INPUT = {"question": "?"}
IMPATIENT = cairn.RetryPolicy(attempts_max=2, streams_max=2, backoff_base=0.01)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Cairn]:
    """One that may be killed."""
    server = Cairn(tmp_path)
    try:
        yield server
    finally:
        server.kill()


def test_nobody_there() -> None:
    with cairn.Client("127.0.0.1:1", retry=IMPATIENT) as client:
        with pytest.raises(cairn.CairnError) as refused:
            client.thread("t").info()
        assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.UNAVAILABLE, "")
        with pytest.raises(cairn.CairnError, match=r"no server answers at 127\.0\.0\.1:1"):
            client.ready(0.05)


def test_a_client_that_is_closed_says_so(server: Cairn) -> None:
    client = cairn.Client(server.address)
    client.ready()
    client.close()
    for call in (lambda: client.thread("t").info(), lambda: next(client.thread("t").events(after=0))):
        with pytest.raises(cairn.CairnError, match="the client is closed") as refused:
            call()
        assert refused.value.reason == "CALL_ENDED"


async def test_a_client_for_asyncio_that_is_closed_says_so(server: Cairn) -> None:
    client = cairn.AsyncClient(server.address)
    await client.ready()
    await client.close()
    with pytest.raises(cairn.CairnError, match="the client is closed"):
        await client.thread("t").info()


def test_a_call_ends_at_its_deadline(client: cairn.Client, thread_id: str) -> None:
    client.graphs.register(GRAPH)
    thread = client.thread(thread_id)
    thread.run(INPUT, graph=NAME)
    with pytest.raises(cairn.CairnError) as ended:
        list(thread.events(timeout=0.2))
    assert ended.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_task_that_is_cancelled_ends_its_call(aclient: cairn.AsyncClient, thread_id: str) -> None:
    await aclient.graphs.register(GRAPH)
    thread = aclient.thread(thread_id)
    await thread.run(INPUT, graph=NAME)
    waiting = asyncio.ensure_future(anext(thread.events()))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await thread.info()).status == "interrupted", "the connection is as it was"


def test_calls_and_events_outlast_a_server_that_comes_back(own_server: Cairn) -> None:
    with cairn.Client(own_server.address, retry=cairn.RetryPolicy(attempts_max=40)) as client:
        client.graphs.register(GRAPH)
        thread = client.thread("t")
        thread.run(INPUT, graph=NAME)
        stream = thread.events(after=0)
        seen = [next(stream) for _ in range(3)]
        own_server.kill()
        restart = threading.Timer(0.3, own_server.start)
        restart.start()
        outcome = thread.resume(True)
        restart.join()
        assert outcome.status == "done"
        assert len(list(thread.runs())) == 2, "tried again, and made once"
        for event in stream:
            seen.append(event)
            if event.number == outcome.last_event_number:
                break
        stream.close()
        numbers = [event.number for event in seen if event.ephemeral is None]
        whole = [event.number for event in thread.events(after=0, until_now=True)]
        assert numbers == whole, "nothing twice, nothing missing"


def test_a_reader_gives_up_in_the_end(own_server: Cairn) -> None:
    with cairn.Client(own_server.address, retry=IMPATIENT) as client:
        client.graphs.register(GRAPH)
        thread = client.thread("t")
        thread.run(INPUT, graph=NAME)
        stream = thread.events(after=0)
        next(stream)
        own_server.kill()
        with pytest.raises(cairn.CairnError) as lost:
            list(stream)
        assert lost.value.code is grpc.StatusCode.UNAVAILABLE


def test_tokens_and_spaces(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("secret desk\n")
    server = Cairn(tmp_path, "--token-file", str(tokens))
    try:
        with cairn.Client(server.address, token="secret", space="desk") as client:
            client.threads.create("t")
        for options, reason in (({}, "TOKEN_INVALID"), ({"token": "secret", "space": "other"}, "SPACE_DENIED")):
            with cairn.Client(server.address, **options) as client:  # type: ignore[arg-type]
                with pytest.raises(cairn.CairnError) as refused:
                    client.thread("t").info()
                assert refused.value.reason == reason
    finally:
        server.stop()


def test_certificates_of_both_sides(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    files = ["--tls-cert", made.file("server.crt"), "--tls-key", made.file("server.key")]
    server = Cairn(tmp_path, *files, "--tls-client-ca", made.file("ca.crt"))
    ca = made.read("ca.crt")
    good = cairn.Tls(ca=ca.decode(), cert=made.read("client.crt"), key=made.read("client.key"))
    wrong = [
        cairn.Tls(ca=ca),
        cairn.Tls(ca=ca, cert=made.read("stranger.crt"), key=made.read("stranger.key")),
        cairn.Tls(ca=made.read("other-ca.crt"), cert=made.read("client.crt"), key=made.read("client.key")),
        cairn.Tls(insecure=True),
    ]
    try:
        with cairn.Client(server.address, tls=good) as client:
            assert client.call(methods.GET_STATUS, GetStatusRequest()).version
        for tls in wrong:
            with cairn.Client(server.address, tls=tls, retry=IMPATIENT) as client, pytest.raises(cairn.CairnError):
                client.call(methods.GET_STATUS, GetStatusRequest())
    finally:
        server.stop()


def test_tls_options_that_contradict_each_other_are_refused() -> None:
    for tls in (cairn.Tls(insecure=True, ca="x"), cairn.Tls(cert="x"), cairn.Tls(key="x")):
        with pytest.raises(cairn.CairnError) as refused:
            cairn.Client(tls=tls)
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.field.startswith("tls")


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("localhost:1", True),
        ("127.0.0.1:50051", True),
        ("127.1.2.3", True),
        ("[::1]:1", True),
        ("dns:///localhost:1", True),
        ("unix:/run/cairn.sock", True),
        ("example.com:1", False),
        ("127.0.0.1.example.com:1", False),
        ("10.0.0.1:1", False),
        ("localhost.example:1", False),
    ],
)
def test_what_leaves_the_machine_is_encrypted_unless_told_otherwise(address: str, is_here: bool) -> None:
    assert is_this_machine(address) is is_here


def test_waits_grow_up_to_a_bound_and_are_half_random() -> None:
    policy = cairn.RetryPolicy(backoff_base=1.0, backoff_max=5.0)
    assert [backoff(failures, policy, lambda: 0.0) for failures in (1, 2, 3, 4, 5000)] == [0.5, 1.0, 2.0, 2.5, 2.5]
    assert [backoff(failures, policy, lambda: 1.0) for failures in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 5.0]


def test_every_call_of_the_protos_is_there_and_safe_to_retry_where_they_say_so() -> None:
    known = {method.path: method for method in vars(methods).values() if isinstance(method, methods.Method)}
    files = ("admin_service", "checkpoint_service", "graph_service", "run_service", "thread_service", "worker_service")
    described = [
        (f"/{service.full_name}/{method.name}", method)
        for name in files
        for service in Default().FindFileByName(f"cairn/v1/{name}.proto").services_by_name.values()
        for method in service.methods
        if not (method.client_streaming and method.server_streaming)
    ]
    assert {path for path, _ in described} == known.keys()
    kinds = {
        (False, False): methods.UnaryMethod,
        (False, True): methods.ServerStreamMethod,
        (True, False): methods.ClientStreamMethod,
    }
    for path, method in described:
        assert type(known[path]) is kinds[(method.client_streaming, method.server_streaming)]
    assert not methods.IMPORT_THREAD.is_safe_to_retry
    assert methods.GET_STATUS.is_safe_to_retry and methods.RUN.is_safe_to_retry and methods.PUT_VALUES.is_safe_to_retry
    assert [method.is_long for method in (methods.RUN, methods.GET_RUN, methods.STREAM_EVENTS)] == [True, False, True]
