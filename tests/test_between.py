"""Every call between lane, worker and library fails once: later songs are still their own, whole, and none is lost."""

import errno
import hashlib
import itertools
import json
import os
import sqlite3
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import worker as room
from jobs import Lane
from library import Library
from settings import Settings
from song.errors import CannotOpen, DiskFull
from song.job import FINAL
from song.request import Generate
from takes import make
from test_jobs import ENTRY
from worker import InThread, InWorker

FAULTS = {
    "locked": lambda: CannotOpen("The library is locked by another program; close that program and try again."),
    "full": lambda: DiskFull("The disk is full; free some space and try again."),
    "no room": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "failing": lambda: OSError(errno.EIO, "Input/output error"),
    "a bug": lambda: ZeroDivisionError("a bug"),
}
CALLS = [
    *((Library, name) for name in ("claim", "note_progress", "cancelling", "keep", "settle", "take", "_insert")),
    *((room.Connection, name) for name in ("poll", "recv_bytes", "send_bytes")),
    *((os, name) for name in ("replace", "mkdir", "fsync")),
]


class Once:
    """Lets one call of the lane's thread fail: the `at`-th (counted from 0) of one that is named `name`."""

    def __init__(self, patch: pytest.MonkeyPatch):
        self.at, self.name, self.fault = -1, "", FAULTS["a bug"]
        self.seen: dict[str, int] = {}
        for owner, name in CALLS:
            patch.setattr(owner, name, self._failing(name, getattr(owner, name)))

    def arm(self, name: str, at: int, fault: str) -> None:
        self.name, self.at, self.fault, self.seen = name, at, FAULTS[fault], {}

    def _failing(self, name, call):
        def failing(*args, **named):
            if threading.current_thread().name != "lane":
                return call(*args, **named)
            self.seen[name] = self.seen.get(name, 0) + 1
            if name == self.name and self.seen[name] == self.at + 1:
                raise self.fault()
            return call(*args, **named)

        return failing


@pytest.fixture(params=["worker", "inline"])
def lane(request, tmp_path: Path, monkeypatch) -> Iterator[Lane]:
    monkeypatch.setattr("jobs.NOTE_EVERY", 0.0)
    opened = Lane(Library(Settings(home=tmp_path / "home")), _runner(request.param))
    opened.start()
    yield opened
    opened.stop()
    opened.library.close()


def _runner(kind: str):
    return InWorker(ENTRY) if kind == "worker" else InThread({"make": make})


def songs(lane: Lane, seeds: Iterator[int], count: int) -> list[str]:
    """So many songs, each asked for by a prompt and seed of its own, seen to their end."""
    jobs = [lane.library.enqueue(Generate(prompt="fine", seed=next(seeds))).id for _ in range(count)]
    lane.wake()
    until = time.monotonic() + 20
    while not all(lane.library.job(id).final for id in jobs):
        assert time.monotonic() < until, [lane.library.job(id) for id in jobs]
        time.sleep(0.01)
    return jobs


def check(lane: Lane, jobs: list[str]) -> None:
    """Each done job has one take, of its own request and with its own sound; nothing else is anywhere."""
    home = lane.library.settings.home
    with closing(sqlite3.connect(home / "studio.db")) as database:
        rows = {id: said for id, *said in database.execute("select id, state, request, takes from jobs")}
        kept = {id: json.loads(recipe) for id, recipe in database.execute("select id, recipe from takes")}
    for id in jobs:
        state, request, takes = rows[id]
        assert state in FINAL and json.loads(takes) == ([id] if state == "done" else []), (id, rows[id])
        assert (id in kept) == (state == "done"), "a song that no job knows, or a job that has none"
        if state == "done":
            assert kept[id]["id"] == id and kept[id]["seed"] == json.loads(request)["seed"]
            with wave.open(str(home / "takes" / id / "song.wav")) as sound:
                said = hashlib.sha256(sound.readframes(sound.getnframes())).hexdigest()
            assert said == kept[id]["samples_sha256"], "another song's sound"
    assert {path.name for path in (home / "takes").iterdir()} == set(kept)
    assert not list((home / "temp").iterdir())


def test_whatever_fails_once_every_later_song_is_its_own(lane, monkeypatch):
    once, seeds, faults = Once(monkeypatch), itertools.count(1), itertools.cycle(FAULTS)
    songs(lane, seeds, 1)
    once.arm("", 0, "a bug")
    check(lane, songs(lane, seeds, 2))
    calls = {name: min(2, count) for name, count in once.seen.items()}
    assert len(calls) >= (12 if isinstance(lane.runner, InWorker) else 9)
    for name, count in calls.items():
        for at, fault in itertools.product(range(count), itertools.islice(faults, 1)):
            once.arm(name, at, fault)
            jobs = songs(lane, seeds, 3)
            ended = [lane.library.job(id).state for id in jobs]
            assert ended[1:] == ["done", "done"] or ended.count("done") == 2, (name, at, fault, ended)
            check(lane, jobs)
