"""What callers send and how long they take: bodies by length and pace, connections by number and patience.

Behind the gate stands a small application under uvicorn itself; patience is a third of a second here. The last tests
ask a whole studio.
"""

import asyncio
import contextlib
import json
import logging
import re
import resource
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from api import connections
from api.bodies import JSON, UPLOAD, Bodies
from api.caller import Proxies
from api.connections import Guarded, Lacking, Room
from api.gate import Gate

PATIENCE = 0.3
MAX_UPLOAD = 3 * 2**20


async def size(request):
    return JSONResponse(len(await request.body()))


async def slow(request):
    async def words():
        for _ in range(4):
            yield "word "
            await asyncio.sleep(PATIENCE / 2)

    return StreamingResponse(words())


APP = Starlette(routes=[Route("/slow", slow), Route("/{path:path}", size, methods=["GET", "POST"])])


@contextlib.contextmanager
def serving(places: int = 20, each: int | None = None, trusted: tuple[str, ...] = ()) -> Iterator[int]:
    """The port of an application behind gate and guarded connections."""
    gate = Gate(APP, bodies=Bodies(MAX_UPLOAD, patience=PATIENCE), names=("studio.lan",))
    room = Room(places, each, Proxies(trusted), patience=PATIENCE)
    config = uvicorn.Config(gate, host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
    config.load()
    config.http_protocol_class = partial(Guarded, room=room)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as port:
        yield port


def connect(port: int, said: bytes = b"", address: str = "127.0.0.1") -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(address, 0))
    one.sendall(said)
    return one


def heard(one: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while part := one.recv(65536):
            said += part
    return said


def closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def head(path: str, *more: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *more, "", ""]).encode()


# -- bodies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "limit"), [("/call", JSON), (UPLOAD, MAX_UPLOAD + 65536)])
def test_a_body_that_is_too_long_is_refused_by_its_length(port, path, limit):
    with connect(port, head(path, f"Content-Length: {limit + 1}")) as one:
        said = heard(one)
    assert said.startswith(b"HTTP/1.1 413") and b"connection: close" in said and b"MB" in said
    assert httpx.post(f"http://localhost:{port}{path}", content=b"x" * limit).json() == limit


@pytest.mark.parametrize("path", ["/call", UPLOAD])
def test_a_body_that_does_not_say_is_counted(port, path):
    def parts():
        for _ in range(100):
            yield b"x" * 65536

    answer = httpx.post(f"http://localhost:{port}{path}", content=parts())
    assert answer.status_code == 413 and re.search("larger|longer", answer.text)
    assert answer.headers["connection"] == "close"


def test_a_client_that_sends_first_and_listens_later_hears_why(port):
    answer = httpx.post(f"http://localhost:{port}/call", content=b"x" * 20_000_000)
    assert answer.status_code == 413 and "files go to" in answer.json()["detail"]


@pytest.mark.parametrize("drop", [0, 5])
def test_a_body_that_does_not_come_is_given_up(port, drop):
    """Nothing more, and a byte at a time."""
    with connect(port, head("/call", "Content-Length: 1000")) as one:
        began = time.monotonic()
        for _ in range(drop):
            one.sendall(b"x")
            time.sleep(PATIENCE / 6)
        said = heard(one)
    assert said.startswith(b"HTTP/1.1 408") and b"too slowly" in said
    assert PATIENCE * 0.9 < time.monotonic() - began < PATIENCE + 3.5


def test_a_refused_request_with_a_body_on_its_way_closes(port):
    with connect(port, b"POST /x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 900000000\r\n\r\n") as one:
        said = heard(one)
    assert said.startswith(b"HTTP/1.1 421") and b"connection: close" in said


def test_an_upload_leaves_room_on_the_disk(tmp_path):
    client = TestClient(Gate(APP, bodies=Bodies(MAX_UPLOAD, tmp_path, 2**60)), base_url="http://localhost")
    for content in (b"x" * 100_000, (b"x" * 1000 for _ in range(100))):
        answer = client.post(UPLOAD, content=content)
        assert answer.status_code == 507 and "STUDIO_HOME" in answer.json()["detail"]
    assert client.post("/call", content=b"x" * 100_000).json() == 100_000
    free = TestClient(Gate(APP, bodies=Bodies(MAX_UPLOAD, tmp_path, 0)), base_url="http://localhost")
    assert free.post(UPLOAD, content=b"x" * 100_000).json() == 100_000


def test_names_that_no_disk_has_are_refused():
    client = TestClient(Gate(APP), base_url="http://localhost")
    assert client.get("/files/%00/wav").status_code == 400
    assert client.get("/static/" + "a" * 256).status_code == 414
    assert client.get("/a" * 2001).status_code == 414
    assert client.get("/static/" + "a" * 255).status_code == 200


# -- connections -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"", b"GET / HT", head("/call", "Content-Length: 2") + b"{}"])
def test_a_connection_that_waits_is_closed(port, said):
    """One that never asks, one that asks half, and one that was answered and keeps silent (or drops bytes)."""
    with connect(port, said) as one:
        began = time.monotonic()
        if said.startswith(b"POST"):
            assert one.recv(65536).startswith(b"HTTP/1.1 200")
            for byte in b"GET / H":
                with contextlib.suppress(ConnectionError):
                    one.sendall(bytes([byte]))
                time.sleep(PATIENCE / 6)
        heard(one)
    assert time.monotonic() - began < PATIENCE * 3


def test_an_answer_may_take_longer_than_patience(port):
    assert httpx.get(f"http://localhost:{port}/slow").text == "word " * 4


def test_whoever_is_silent_makes_room():
    with serving(places=5) as port, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(port)) for _ in range(3)]
        for _ in range(2):
            stack.enter_context(connect(port, head("/call", "Content-Length: 9")))
        time.sleep(0.05)
        assert httpx.get(f"http://localhost:{port}/").status_code == 200
        assert heard(idle[0]) == b""
        for _ in range(20):
            assert httpx.get(f"http://localhost:{port}/").status_code == 200


def test_where_all_are_being_answered_a_new_one_comes_again():
    with serving(places=3) as port, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connect(port, b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")).recv(10)
        answer = httpx.get(f"http://localhost:{port}/")
        assert answer.status_code == 503 and "connections" in answer.json()["detail"]
        assert answer.headers["retry-after"] == "5"
        time.sleep(PATIENCE * 3)
        assert httpx.get(f"http://localhost:{port}/").status_code == 200


def test_one_caller_cannot_take_all_places_but_a_proxy_is_many():
    with serving(places=8, trusted=("127.0.0.9",)) as port, contextlib.ExitStack() as stack:
        slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"

        def codes(address: str, count: int) -> list[bytes]:
            return [stack.enter_context(connect(port, slow, address)).recv(12)[-3:] for _ in range(count)]

        assert codes("127.0.0.2", 5) == [b"200"] * 4 + [b"503"]
        assert httpx.get(f"http://localhost:{port}/").status_code == 200
    with serving(places=8, trusted=("127.0.0.9",)) as port, contextlib.ExitStack() as stack:
        assert codes("127.0.0.9", 9) == [b"200"] * 8 + [b"503"]


def test_a_lack_of_descriptors_is_said_once(caplog):
    lacking, loop = Lacking(), asyncio.new_event_loop()
    context = {"message": "out of", "exception": OSError(24, "Too many open files"), "socket": object()}
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            lacking(loop, context)
    assert [record.getMessage() for record in caplog.records] == [
        "No connection can be taken for a second: Too many open files. More may be open with `ulimit -n`."
    ]
    lacking(loop, {"message": "another fault"})
    assert caplog.records[-1].getMessage() == "another fault"
    loop.close()


def test_places_follow_the_descriptors(monkeypatch):
    limits = {"now": (256, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.update(now=new))
    assert connections.places() == 1000 and limits["now"] == (4096, 4096)
    limits["now"] = (1024, 1024)
    assert connections.places() == 768
    limits["now"] = (100, 100)
    assert connections.places() == 64


# -- a whole studio ----------------------------------------------------------------------------------------------------


def test_a_thousand_idle_connections_keep_nobody_out(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port = int(server.rpartition(":")[2])
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(connect(port)) for _ in range(1100)]
        assert httpx.get(f"{server}/config", timeout=10).status_code == 200
        assert sum(map(closed, many)) >= 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_uploads_and_calls_that_cannot_be_read_are_sentences(server):
    with httpx.Client(base_url=server, timeout=10) as client:
        assert client.post("/gradio_api/call/v2/listen", content=b"x" * (JSON + 1)).status_code == 413
        part = {"x": ("a.wav", b"12")}
        for query in ("", "?upload_id=one"):
            answer = client.post(UPLOAD + query, data={"files": "plain"}, files=part)
            assert answer.status_code == 400 and "named files" in answer.json()["detail"]
        lyrics = {"prompt": "pop", "lyrics": "\U0001f3b5" * 20_000}
        sent = json.dumps(lyrics).encode()
        assert client.post("/gradio_api/call/v2/submit", content=sent).status_code != 413 and len(sent) < JSON


def test_an_upload_that_breaks_off_leaves_nothing(server, tmp_path_factory):
    (page,) = tmp_path_factory.getbasetemp().glob("studio[0-9]*/home/page")
    before = set(page.rglob("*"))
    port = int(server.rpartition(":")[2])
    form = b'--B\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n' + b"x" * 200_000
    with connect(port, head(UPLOAD, "Content-Type: multipart/form-data; boundary=B", "Content-Length: 900000") + form):
        deadline = time.monotonic() + 5
        while set(page.rglob("*")) == before and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [path.name for path in set(page.rglob("*")) - before if re.match("tmp", path.name)]
    while set(page.rglob("*")) != before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert set(page.rglob("*")) == before
