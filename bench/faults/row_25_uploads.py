"""Row 25, uploads and connections: too large, too slow, too many, and no room on the disk.

A started studio with 1,024 descriptors gets a 300 MB file, 200 MB of JSON, uploads that say no length, 900 connections
that send half a request, and 1,100 that send nothing. Somebody honest asks for the library all the while.
"""

import contextlib
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.faults import Row, Running, main, running

RIGHT = (
    "300 MB and 200 MB of JSON are refused with a sentence and not kept in memory (<= 50 MB more); 900 half-open and "
    "1,100 idle connections at ulimit 1024 leave answers, are closed within 35 s and write under 100 kB of log; an "
    "upload that leaves less than STUDIO_MIN_FREE_DISK is answered 507"
)
CALL, UPLOAD = "/gradio_api/call/v2/submit", "/gradio_api/upload"
FORM = {"content-type": "multipart/form-data; boundary=B"}
PART = b'--B\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'


def measure(home: Path, quick: bool) -> Row:
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors[1], descriptors[1]))
    figures: dict[str, float] = {}
    wrong: list[str] = []
    with running(home / "studio", descriptors=1024) as studio:
        before = memory(studio, "VmRSS")
        figures["large_refused"] = large(studio, wrong)
        figures["memory_mb"] = round(memory(studio, "VmHWM") - before, 1)
        if figures["memory_mb"] > 50:
            wrong.append(f"Refusing took {figures['memory_mb']} MB.")
        for name, said, count in (("half_open", half(studio), 900), ("idle", b"", 1100)):
            got = crowd(studio, said, count, quick)
            figures |= {f"{name}_{key}": value for key, value in got.items()}
            if got["unanswered"]:
                wrong.append(f"{got['unanswered']} of {got['asked']} honest calls got no answer beside {count} {name}.")
            if not quick and got["seconds"] > 35:
                wrong.append(f"{name} connections were held for {got['seconds']} s.")
        figures["log_kb"] = studio.log.stat().st_size / 1000
        if figures["log_kb"] > 100 or studio.tracebacks:
            wrong.append(f"The log has {figures['log_kb']:.0f} kB and {studio.tracebacks} tracebacks.")
    with running(home / "full", min_free_disk=2**60) as studio:
        figures["no_room"] = no_room(studio, wrong)
    return Row(figures, tuple(wrong))


def large(studio: Running, wrong: list[str]) -> int:
    """Tries that are too large, each by its length and without one; how many were refused with a sentence."""
    tries = {"300 MB": (UPLOAD, 300, PART, FORM), "200 MB of JSON": (CALL, 200, b'{"prompt": "', {})}
    refused = 0
    for name, (path, size, first, headers) in tries.items():
        for length in (True, False):
            more = headers | ({"content-length": str(size * 2**20 + len(first))} if length else {})
            answer = httpx.post(studio.url + path, content=blocks(first, size), headers=more, timeout=60)
            if answer.status_code == 413 and " MB" in answer.json()["detail"]:
                refused += 1
            else:
                wrong.append(f"{name} was answered {answer.status_code}: {answer.text[:80]}")
    return refused


def blocks(first: bytes, size: int) -> Iterator[bytes]:
    yield first
    for _ in range(size):
        yield b"x" * 2**20


def memory(studio: Running, name: str) -> float:
    """VmRSS, what the studio takes now, or VmHWM, the most that it ever took, in MB."""
    return int(Path(f"/proc/{studio.process.pid}/status").read_text().partition(f"{name}:")[2].split()[0]) / 1024


def half(studio: Running) -> bytes:
    host = studio.url.removeprefix("http://")
    lines = f"Host: {host}", f"Content-Type: {FORM['content-type']}", "Content-Length: 100000", "", ""
    return "\r\n".join([f"POST {UPLOAD} HTTP/1.1", *lines]).encode() + PART


def crowd(studio: Running, said: bytes, count: int, quick: bool) -> dict[str, float]:
    """Open `count` connections that say no more than this. How many were closed and after how many seconds, and how
    many of the honest calls beside them got no answer."""
    port, asked, unanswered, over = int(studio.url.rpartition(":")[2]), 0, 0, threading.Event()

    def ask() -> None:
        nonlocal asked, unanswered
        while not over.wait(0.2):
            asked += 1
            try:
                unanswered += not httpx.get(f"{studio.url}/healthz", timeout=10).is_success
            except httpx.HTTPError:
                unanswered += 1

    honest = threading.Thread(target=ask)
    honest.start()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        many = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            with contextlib.suppress(ConnectionError):
                one.sendall(said)
            many.append(one)
        left = many
        while left and time.monotonic() - began < (3 if quick else 60):
            left = [one for one in left if not closed(one)]
            time.sleep(0.5)
        seconds = time.monotonic() - began
        over.set()
        honest.join()
    closed_count = count - len(left)
    return {"closed": closed_count, "seconds": round(seconds, 1), "asked": asked, "unanswered": unanswered}


def closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        while one.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def no_room(studio: Running, wrong: list[str]) -> int:
    """Uploads that find no room; how many were refused so."""
    refused = 0
    for length in (True, False):
        body = PART + b"x" * 2**20 + b"\r\n--B--\r\n"
        content = body if length else iter([body[:70000], body[70000:]])
        answer = httpx.post(studio.url + UPLOAD, content=content, headers=FORM, timeout=60)
        if answer.status_code == 507 and "STUDIO_HOME" in answer.text:
            refused += 1
        else:
            wrong.append(f"An upload without room was answered {answer.status_code}: {answer.text[:80]}")
    left = [path for path in (studio.home / "page").rglob("*") if path.is_file()]
    if left:
        wrong.append(f"{len(left)} files were left of uploads that were refused.")
    return refused


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
