"""kill -9 at random moments, and a disk that is full: nothing finished is lost, nothing half is served."""

import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import post_process
from backend import Studio
from library import Library
from settings import ROOT, Settings
from song.errors import DiskFull
from song.job import FINAL
from song.request import Generate

some_kills = pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.slow)])


def check(home: Path, seen: set[str]) -> set[str]:
    """Hold the library on disk to its promises; answers the ids of all whole takes."""
    with sqlite3.connect(home / "studio.db") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        jobs = dict(database.execute("select id, state from jobs"))
        kept = dict(database.execute("select id, recipe from takes"))
        done = {id for (takes,) in database.execute("select takes from jobs") for id in json.loads(takes)}
    database.close()
    assert seen <= kept.keys(), "a finished take was lost"
    assert done <= kept.keys(), "a job speaks of a take that is not there"
    for id in kept.keys() - seen:
        audio = post_process.read(home / "takes" / id / "song.wav")
        assert post_process.samples_sha256(audio) == json.loads(kept[id])["samples_sha256"], "a half file"
    assert set(jobs.values()) <= FINAL | {"queued", "running"}
    return set(kept)


def states(home: Path) -> dict[str, tuple[str, int]]:
    with sqlite3.connect(home / "studio.db") as database:
        rows = {
            id: (state, attempts) for id, state, attempts in database.execute("select id, state, attempts from jobs")
        }
    database.close()
    return rows


def start(home: Path, count: int) -> subprocess.Popen:
    environment = os.environ | {"STUDIO_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests" / "studio_process.py"), str(count)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@some_kills
def test_the_studio_survives_being_killed(tmp_path, kills):
    chance, seen = random.Random(1), set()
    for _ in range(kills):
        process = start(tmp_path, 12)
        assert process.stdout.readline() == "working\n"
        time.sleep(chance.uniform(0.0, 1.5))
        process.kill()
        process.wait()
        seen = check(tmp_path, seen)
    assert start(tmp_path, 12).wait(120) == 0
    check(tmp_path, seen)
    ended = states(tmp_path)
    assert len(ended) == 12 and {state for state, _ in ended.values()} <= {"done", "interrupted"}
    assert all(attempts == 2 for state, attempts in ended.values() if state == "interrupted")
    assert not list((tmp_path / "temp").iterdir())


@some_kills
def test_the_worker_survives_being_killed(tmp_path, kills):
    chance = random.Random(2)
    studio = Studio(Settings(home=tmp_path, lane="process"))
    studio.start()
    jobs = [studio.submit(Generate(prompt="lofi", duration=5, seed=number)).id for number in range(kills)]
    for _ in range(kills):
        time.sleep(chance.uniform(0.0, 2.0))
        if (worker := studio.lane.runner._process) is not None and worker.poll() is None:
            os.kill(worker.pid, signal.SIGKILL)
    ended = [list(studio.follow(id))[-1] for id in jobs]
    assert {job.state for job in ended} <= {"done", "interrupted"}
    assert all(job.attempts == 2 for job in ended if job.state == "interrupted")
    studio.close()
    assert len(check(tmp_path, set())) == sum(job.state == "done" for job in ended)
    assert not list((tmp_path / "temp").iterdir())


def test_sigterm_like_close_puts_the_job_back_and_the_next_start_makes_it(tmp_path):
    settings = Settings(home=tmp_path, lane="process")
    first = Studio(settings)
    first.start()
    job = first.submit(Generate(prompt="cinematic", duration=300, seed=1))
    while not first.job(job.id).fraction:
        time.sleep(0.01)
    first.close()
    assert states(tmp_path) == {job.id: ("queued", 0)}
    second = Studio(settings)
    second.start()
    assert list(second.follow(job.id))[-1].state == "done"
    second.close()


def _small_files(limit: int = 3_000_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def test_a_full_disk_fails_the_song_with_a_sentence_and_leaves_no_half_file(tmp_path):
    """A file size limit stands in for the full disk: it needs no root, and the write fails in the same place."""
    code = (
        "from backend import studio; from song.request import Generate\n"
        "s = studio(); s.start()\n"
        "for seconds in (5, 60, 5): print([*s.follow(s.submit(Generate(prompt='lofi', duration=seconds)).id)][-1]"
        ".model_dump_json(), flush=True)\n"
        "s.close()"
    )
    environment = os.environ | {"STUDIO_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, env=environment, preexec_fn=_small_files, capture_output=True, text=True, timeout=120)
    first, second, third = (json.loads(line) for line in ran.stdout.splitlines())
    assert first["state"] == third["state"] == "done"
    assert (second["state"], second["error_code"]) == ("failed", "disk_full") and "full" in second["error"]
    assert len(check(tmp_path, set())) == 2
    assert not list((tmp_path / "temp").iterdir())


def test_a_song_that_cannot_fit_is_refused_before_anything_is_written(tmp_path):
    studio = Studio(Settings(home=tmp_path, lane="inline", min_free_disk=2**60))
    with pytest.raises(DiskFull, match="MB needed"):
        studio.submit(Generate(prompt="lofi"))
    assert not states(tmp_path)
    studio.close()


def test_a_library_on_a_full_disk_says_so(tmp_path):
    code = "import sys; from library import Library; from settings import settings; Library(settings())"
    environment = os.environ | {"STUDIO_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        preexec_fn=lambda: _small_files(0),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1 and "song.errors." in ran.stderr.splitlines()[-1]
    assert Library(Settings(home=tmp_path / "home")).count() == 0
