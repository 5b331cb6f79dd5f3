"""Row 30: health tells the truth. The worker is stopped, the disk runs low, the library is locked: each time /readyz
says so within five seconds and takes it back afterwards, and /healthz goes on. A worker that died is replaced."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.faults import Row, Running, main, running
from bench.faults.traffic import LONG, call

RIGHT = "readyz is false within 5 s while the worker is stopped, the disk low or the library locked; then true again"
MOST = 5.0  # seconds


def measure(home: Path, quick: bool) -> Row:
    figures: dict[str, float] = {}
    wrong: list[str] = []
    room = os.statvfs(home).f_bavail * os.statvfs(home).f_frsize - 256 * 2**20
    with running(home / "home", min_free_disk=room) as studio:
        wrong += [] if until(studio, "") < MOST else ["not ready after the start"]
        for name, word, fault in (
            ("stopped", "worker", stopped),
            ("locked", "library", locked),
            ("full", "disk", full),
        ):
            with fault(studio):
                figures[f"{name}_s"] = seconds = until(studio, word)
                alive = httpx.get(f"{studio.url}/healthz", timeout=1).text == "ok"
            figures[f"{name}_after_s"] = after = until(studio, "")
            wrong += [] if seconds < MOST else [f"{name}: nothing was said in {MOST:g} s"]
            wrong += [] if after < MOST and alive else [f"{name}: not ready again, or not alive ({alive})"]
        os.kill(worker(studio), signal.SIGKILL)
        figures["killed_after_s"] = after = until(studio, "", 0.5)
        with httpx.Client(base_url=studio.url, timeout=60) as client:
            wrong += [] if after < MOST and call(client, "generate", **LONG | {"duration": 5})[1]["id"] else ["killed"]
    return Row(figures, tuple(wrong))


def until(studio: Running, word: str, pause: float = 0.0) -> float:
    """Seconds until /readyz says this word, or that all is well; MOST where it does not."""
    began = time.monotonic()
    time.sleep(pause)
    while time.monotonic() - began < MOST:
        answer = httpx.get(f"{studio.url}/readyz", timeout=MOST + 1)
        if answer.json().get("why", "") == word and (answer.status_code == 200) == (not word):
            return round(time.monotonic() - began, 2)
        time.sleep(0.1)
    return MOST


def worker(studio: Running) -> int:
    """The process that makes songs."""
    children = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(studio.process.pid)], capture_output=True, text=True
    )
    return next(int(line.split()[0]) for line in children.stdout.splitlines() if "tasks.work" in line)


@contextlib.contextmanager
def stopped(studio: Running) -> Iterator[None]:
    number = worker(studio)
    os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it was replaced
            os.kill(number, signal.SIGCONT)


@contextlib.contextmanager
def locked(studio: Running) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(studio.home / "studio.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def full(studio: Running) -> Iterator[None]:
    """Less room than must stay free."""
    ballast = studio.home.parent / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 512 * 2**20)
    try:
        yield
    finally:
        ballast.unlink()


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
