"""The lane: one job at a time, seen to its end whatever the worker does. Real processes, real rows, real files."""

import contextlib
import errno
import os
import signal
import sqlite3
import struct
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import limits
import preview
import worker as room
from jobs import Lane
from library import Library
from settings import ROOT, Settings
from song.errors import Cancelled, CannotOpen, DiskFull, EngineFailed, StudioError, TookTooLong
from song.job import Job
from song.progress import silent
from song.request import Generate
from takes import RAISED, make, sung
from worker import InThread, InWorker

ENTRY = f"sys.path.insert(0, {str(ROOT / 'tests')!r}); import takes; takes.work({{handle}})"


@pytest.fixture(params=["worker", "inline"])
def lane(request, tmp_path: Path):
    yield from _lane(tmp_path, InWorker(ENTRY) if request.param == "worker" else InThread({"make": make}))


@pytest.fixture
def worker(tmp_path: Path):
    yield from _lane(tmp_path, InWorker(ENTRY))


def _lane(tmp_path: Path, runner):
    library = Library(Settings(home=tmp_path / "home"))
    lane = Lane(library, runner)
    lane.start()
    yield lane
    lane.stop()
    library.close()


def submit(lane: Lane, prompt: str, **knobs) -> str:
    job = lane.library.enqueue(Generate(prompt=prompt, seed=1, **knobs))
    lane.wake()
    return job.id


def final(lane: Lane, job_id: str, within: float = 20.0) -> Job:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if (job := lane.library.job(job_id)).final:
            return job
        time.sleep(0.01)
    raise AssertionError(f"still {lane.library.job(job_id)}")


def running(lane: Lane, job_id: str) -> None:
    with lane.changed:
        assert lane.changed.wait_for(lambda: lane.current and lane.current.id == job_id and lane.current.fraction, 20)


def settled(lane: Lane, prompt: str) -> Job:
    return final(lane, submit(lane, prompt))


def test_a_job_ends_done_with_its_take_kept_and_nothing_left_in_temp(lane):
    job = settled(lane, "fine")
    assert (job.state, job.takes) == ("done", (job.id,))
    assert Path(lane.library.take(job.id).files["audio"]).is_file()
    assert not list(lane.library.settings.temp.iterdir())


def test_an_errand_says_how_far_it_is_and_is_cancelled_by_who_asked(worker, tmp_path):
    """In the worker, and while it waits for a job to end; both times the lane goes on."""
    errand = {"id": "errand", "request": Generate(prompt="slow", seed=1).model_dump(mode="json")}
    seen: list[tuple[float, str]] = []

    def enough(fraction: float, stage: str) -> None:
        seen.append((fraction, stage))
        if fraction > 0.11 or (len(seen) > 5 and stage == "waiting"):
            raise Cancelled

    with pytest.raises(Cancelled):
        worker.call("make", errand, tmp_path / "errand", enough)
    assert seen[-1][1] == "working" and not (tmp_path / "errand").exists()
    seen.clear()
    job = submit(worker, "slow")
    running(worker, job)
    with pytest.raises(Cancelled):
        worker.call("make", errand, tmp_path / "errand", enough)
    assert {stage for _, stage in seen} == {"waiting"}
    worker.library.cancel(job)
    worker.cancel(job)
    assert final(worker, job).state == "cancelled" and settled(worker, "fine").state == "done"


@pytest.mark.parametrize(("prompt", "fault"), [("writes", Cancelled), ("writes and dies", EngineFailed)])
def test_nothing_half_is_left_of_an_errand_whose_worker_was_killed(worker, tmp_path, prompt, fault):
    errand = {"id": "errand", "request": Generate(prompt=prompt, seed=1).model_dump(mode="json")}

    def enough(fraction: float, stage: str) -> None:
        if prompt == "writes" and list(tmp_path.glob(".tmp-*")):
            raise Cancelled

    with pytest.raises(fault):
        worker.call("make", errand, tmp_path, enough)
    assert [path.name for path in tmp_path.iterdir()] == ["home"] and settled(worker, "fine").state == "done"


def test_a_start_sweeps_what_was_never_finished_and_leaves_what_is_being_written(lane):
    job = settled(lane, "fine")
    folder = lane.library.settings.takes / job.id
    before = {path.name for path in folder.iterdir()}
    gone = subprocess.Popen(["true"])
    gone.wait()
    old, alive = folder / f".tmp-{os.getpid()}-old", folder / f".tmp-{os.getpid()}-new"
    for left in (folder / f".tmp-{gone.pid}-x", old, alive, folder / f".tmp-{os.getppid()}-x"):
        left.write_bytes(b"RIFF")
    os.utime(old, (0, 0))  # by a process of another time that had this one's number
    lane.library.recover()
    assert {path.name for path in folder.iterdir()} - before == {alive.name, f".tmp-{os.getppid()}-x"}


def test_variations_are_takes_of_their_own_with_seeds_that_follow(lane):
    job = final(lane, submit(lane, "fine", variations=3))
    assert [lane.library.take(id).recipe.seed for id in job.takes] == [1, 2, 3]


def test_jobs_run_in_order_one_at_a_time(lane):
    ids = [submit(lane, "fine") for _ in range(8)]
    assert [final(lane, id).state for id in ids] == ["done"] * 8
    assert [take.id for take in lane.library.takes()] == ids[::-1]


@pytest.mark.parametrize(
    ("prompt", "code", "sentence"),
    [
        ("memory", "not_enough_memory", "not enough memory"),
        ("value", "engine_failed", "ValueError"),
        ("full", "disk_full", "disk is full"),
        ("cannot", "cannot_make", "try something else"),
    ],
)
def test_every_fault_is_a_coded_sentence_and_the_next_job_runs(lane, prompt, code, sentence):
    job = settled(lane, prompt)
    assert (job.state, job.error_code) == ("failed", code)
    assert sentence in job.error and "Traceback" not in job.error and "/etc" not in job.error
    assert settled(lane, "fine").state == "done"


def test_whatever_a_task_raises_is_its_own_fault_and_the_next_job_runs_at_once(lane):
    settled(lane, "fine")
    kinds = dict.fromkeys((*RAISED, "thread ends", "stack"), "engine_failed")
    for prompt, code in (kinds | {"no space": "disk_full", "input/output": "disk_failing"}).items():
        job = settled(lane, prompt)
        assert (job.state, job.error_code, job.attempts) == ("failed", code, 1), prompt
        began = time.monotonic()
        assert settled(lane, "fine").state == "done" and time.monotonic() - began < 2, prompt
        with pytest.raises(StudioError):
            errand = {"id": "errand", "request": Generate(prompt=prompt, seed=1).model_dump(mode="json")}
            lane.call("make", errand, lane.library.settings.temp / "errand")


@pytest.mark.parametrize("prompt", ["segfault", "abort", "exit"])
def test_a_job_that_kills_its_worker_twice_is_interrupted_and_the_next_runs(worker, prompt):
    job = settled(worker, prompt)
    assert (job.state, job.attempts) == ("interrupted", 2)
    assert settled(worker, "fine").state == "done"


def test_a_job_whose_worker_dies_once_is_run_again(worker):
    job = settled(worker, "die once")
    assert (job.state, job.attempts) == ("done", 2)


def test_a_running_job_is_cancelled_within_a_second(lane):
    job_id = submit(lane, "slow")
    running(lane, job_id)
    _cancelled_within(lane, job_id, 1.0)


@pytest.mark.parametrize("prompt", ["deaf", "holds the lock", "stopped"])
def test_a_worker_that_does_not_react_is_killed_and_replaced(worker, prompt):
    job_id = submit(worker, prompt)
    running(worker, job_id)
    _cancelled_within(worker, job_id, 1.0)
    assert settled(worker, "fine").state == "done"


def _cancelled_within(lane: Lane, job_id: str, seconds: float) -> None:
    started = time.monotonic()
    lane.library.cancel(job_id)
    lane.cancel(job_id)
    assert final(lane, job_id).state == "cancelled"
    assert time.monotonic() - started < seconds
    assert lane.library.count() == 0


@pytest.mark.parametrize("prompt", ["holds the lock", "stopped"])
def test_a_worker_without_a_sign_of_life_is_replaced(worker, monkeypatch, prompt):
    settled(worker, "fine")
    monkeypatch.setattr(room, "SILENCE", 2.5)
    monkeypatch.setattr(room, "QUIET", 1.5)
    job_id = submit(worker, prompt)
    running(worker, job_id)
    until = time.monotonic() + 2.4
    while worker.ailing is None and time.monotonic() < until:
        time.sleep(0.05)
    assert "no sign of life" in worker.ailing
    job = final(worker, job_id)
    assert (job.state, job.error_code, job.attempts) == ("interrupted", "worker_silent", 2)
    monkeypatch.undo()
    assert settled(worker, "fine").state == "done" and worker.ailing is None


def test_a_worker_that_is_stopped_or_killed_between_songs_is_replaced(worker, monkeypatch):
    for kill in (signal.SIGKILL, signal.SIGSTOP):
        settled(worker, "fine")
        monkeypatch.setattr(room, "SETTLED", 0.0)
        monkeypatch.setattr(room, "SILENCE", 2.5)
        before = worker.runner._process.pid
        os.kill(before, kill)
        until = time.monotonic() + 10
        while (process := worker.runner._process) is None or process.pid == before or worker.ailing:
            assert time.monotonic() < until, worker.ailing
            time.sleep(0.02)
        monkeypatch.undo()
    assert settled(worker, "fine").state == "done"


@pytest.mark.parametrize(
    ("kind", "prompt"), [("worker", "endless"), ("worker", "spins"), ("worker", "deaf"), ("inline", "endless")]
)
def test_a_song_that_never_ends_is_ended_and_the_next_one_runs(tmp_path, kind, prompt):
    patient = Settings(home=tmp_path / "home")  # until a worker has started
    settings = patient.model_copy(update={"patience": 0.01})
    lane = Lane(Library(patient), InWorker(ENTRY) if kind == "worker" else InThread({"make": make}))
    lane.start()
    knobs = {"duration": 5, "engine": "composer"}
    assert final(lane, submit(lane, "fine", **knobs)).state == "done"
    lane.library.settings = settings
    most, began = limits.limit(Generate(prompt="fine", **knobs), 5, settings.patience), time.monotonic()
    job = final(lane, submit(lane, prompt, **knobs))
    assert (job.state, job.error_code, job.attempts) == (
        "failed",
        "took_too_long",
        1,
    ) and "STUDIO_PATIENCE" in job.error
    assert time.monotonic() - began < most + 10
    lane.library.settings = patient
    assert final(lane, submit(lane, "fine", **knobs)).state == "done" and lane.ailing is None
    lane.stop()


def test_a_slow_song_that_gets_on_may_take_longer_than_its_limit(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    clock = limits.Clock(100.0)
    for second in range(350):
        now = 1000.0 + second
        clock.tick(second / 350, "Step")
    stuck = limits.Clock(100.0)
    with pytest.raises(TookTooLong):
        for second in range(200):
            now = 2000.0 + second
            stuck.tick(min(second / 350, 0.2), f"Step {second}")
    assert second < 105
    creeping = limits.Clock(100.0)
    with pytest.raises(TookTooLong):
        for second in range(1000):
            now = 3000.0 + second
            creeping.tick(1 - 0.99**second, "Step")
    assert second <= 401, "four times its limit, at most"


def test_a_limit_grows_with_the_work_and_is_kind_to_slow_machines():
    short, long = (Generate(prompt="x", engine="acestep", inference_steps=steps) for steps in (8, 50))
    assert limits.limit(long, 30) > limits.limit(short, 30) > limits.limit(short, 10) > 1800
    many = short.model_copy(update={"variations": 4})
    assert limits.limit(many, 30) > limits.limit(short, 30)
    composed = Generate(prompt="x", engine="composer")
    assert 60 < limits.limit(composed, 30) < 600 < limits.limit(composed, 600)


def test_a_cancel_from_another_process_is_seen_in_the_row(lane):
    job_id = submit(lane, "slow")
    running(lane, job_id)
    Library(lane.library.settings).cancel(job_id)
    assert final(lane, job_id, within=3).state == "cancelled"


def test_finished_variations_stay_when_the_rest_is_cancelled(lane):
    job_id = submit(lane, "slow later", variations=2)
    with lane.changed:
        assert lane.changed.wait_for(lambda: lane.current and lane.current.takes and lane.current.fraction > 0.5, 20)
    lane.library.cancel(job_id)
    lane.cancel(job_id)
    assert final(lane, job_id).takes == (job_id,)
    assert lane.library.take(job_id)


def test_stopping_puts_the_running_job_back_without_blame(tmp_path):
    library = Library(Settings(home=tmp_path / "home"))
    lane = Lane(library, InWorker(ENTRY))
    lane.start()
    job_id = submit(lane, "slow")
    running(lane, job_id)
    started = time.monotonic()
    lane.stop()
    assert time.monotonic() - started < 2
    assert (library.job(job_id).state, library.job(job_id).attempts) == ("queued", 0)


def test_a_library_that_fails_for_a_moment_stops_neither_the_lane_nor_the_job(lane, monkeypatch):
    settle, calls = lane.library.settle, []

    def locked_once(*said) -> bool:
        calls.append(said)
        if len(calls) == 1:
            raise CannotOpen("The library is locked by another program; close that program and try again.")
        return settle(*said)

    monkeypatch.setattr(lane.library, "settle", locked_once)
    job = settled(lane, "fine")
    assert (job.state, job.takes) == ("done", (job.id,)), "the take was kept already and is not made again"


@contextlib.contextmanager
def locked(lane: Lane):
    """The library in the hands of another program."""
    with contextlib.closing(sqlite3.connect(lane.library.settings.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def ready(lane: Lane, job_id: str, stage: str) -> None:
    """Wait until a song is made and waits, and says for what."""
    with lane.changed:
        assert lane.changed.wait_for(lambda: lane.current and lane.current.stage == stage, 20), lane.current
    assert lane.current.id == job_id and lane.current.fraction == 1.0


LOCKED = "Ready; waiting for the library, which another program has locked"


def test_a_ready_song_waits_for_a_locked_library_and_says_so(lane):
    job_id = submit(lane, "slowly done")
    running(lane, job_id)
    with locked(lane):
        ready(lane, job_id, LOCKED)
        assert "locked by another program" in lane.ailing
    job = final(lane, job_id)
    assert (job.state, job.takes, job.attempts) == ("done", (job_id,), 1) and lane.ailing is None
    assert settled(lane, "fine").state == "done" and not list(lane.library.settings.temp.iterdir())


@pytest.mark.parametrize("failing", ["replace", "_insert"])
def test_a_song_that_waits_for_room_outlives_the_studio(tmp_path, monkeypatch, failing):
    """Before and after its folder was moved; and it is not made again."""
    made: list[str] = []

    def once(arguments, folder, progress):
        made.append(arguments["id"])
        return make(arguments, folder, progress)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left") if failing == "replace" else DiskFull("The disk is full.")

    first = Lane(Library(Settings(home=tmp_path / "home")), InThread({"make": once}))
    first.start()
    with monkeypatch.context() as patch:
        patch.setattr(*(("os.replace", full) if failing == "replace" else ("library.Library._insert", full)))
        job_id = submit(first, "fine")
        ready(first, job_id, "Ready; waiting for room on the disk")
        first.stop()
    again = Lane(Library(first.library.settings), InThread({"make": once}))
    again.start()
    job = final(again, job_id)
    again.stop()
    assert (job.state, job.takes, made) == ("done", (job_id,), [job_id]) and again.library.take(job_id)
    assert not list(again.library.settings.temp.iterdir())


def test_a_song_that_waits_can_be_called_off(lane, monkeypatch):
    def full(*_: object) -> None:
        raise DiskFull("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(lane.library, "_insert", full)
        job_id = submit(lane, "fine")
        ready(lane, job_id, "Ready; waiting for room on the disk")
        lane.library.cancel(job_id)
        lane.cancel(job_id)
        assert final(lane, job_id).state == "cancelled"
    assert settled(lane, "fine").state == "done"
    assert len(list(lane.library.settings.takes.iterdir())) == 1, "it does not come back at the next start"


def test_a_lane_that_cannot_start_yet_starts_later(tmp_path):
    lane = Lane(Library(Settings(home=tmp_path / "home")), InThread({"make": make}))
    with locked(lane):
        lane.start()
        assert "locked by another program" in lane.ailing
    assert settled(lane, "fine").state == "done" and lane.ailing is None
    lane.stop()


def test_a_second_lane_waits_its_turn_and_takes_over(tmp_path):
    settings = Settings(home=tmp_path / "home")
    first, second = (Lane(Library(settings), InThread({"make": make})) for _ in range(2))
    first.start()
    second.start()
    assert first.ours and not second.ours
    assert settled(second, "fine").state == "done", "the first one's lane does the work"
    first.stop()
    assert settled(second, "fine").state == "done" and second.ours
    second.stop()


def test_only_one_job_is_run_where_only_one_was_meant(tmp_path):
    library = Library(Settings(home=tmp_path / "home"))
    other, mine = (library.enqueue(Generate(prompt="fine", seed=1)) for _ in range(2))
    lane = Lane(library, InThread({"make": make}))
    lane.start(only=mine.id)
    assert final(lane, mine.id).state == "done"
    lane.stop()
    assert library.job(other.id).state == "queued"


def audible(lane: Lane, job_id: str) -> Path:
    """Where the song of a job grows, once there is something to hear."""
    with lane.changed:
        assert lane.changed.wait_for(lambda: lane.current and lane.current.id == job_id and lane.current.audible, 20)
    path = lane.preview(job_id)
    assert path is not None
    return path


def test_a_song_is_heard_while_it_is_made(lane):
    job_id = submit(lane, "sings")
    blocks = preview.read(audible(lane, job_id))
    first = next(block for block in blocks if block)
    assert not lane.library.job(job_id).final, "that is the point of it"
    whole = first + b"".join(_waited(block) for block in blocks)
    assert whole[:4] == b"RIFF" and whole[36:44] == b"data\xff\xff\xff\xff"
    rate, channels = struct.unpack_from("<I", whole, 24)[0], struct.unpack_from("<H", whole, 22)[0]
    assert (rate, channels) == (32_000, 2)
    expected = np.concatenate([sung(number).samples for number in range(10)], axis=1).T
    assert np.array_equal(np.frombuffer(whole[44:], "<i2").reshape(-1, 2) / 32768, expected)
    assert final(lane, job_id).state == "done"
    assert lane.preview(job_id) is None
    assert not [path.name for path in Path(lane.library.settings.takes / job_id).iterdir() if "preview" in path.name]


def _waited(block: bytes) -> bytes:
    time.sleep(0 if block else 0.01)
    return block


def test_a_cancelled_song_is_heard_no_more(lane):
    job_id = submit(lane, "sings on")
    path = audible(lane, job_id)
    blocks = preview.read(path)
    _cancelled_within(lane, job_id, 1.0)
    assert len(b"".join(map(_waited, blocks))) > 44, "who listens hears it to where it was cut off"
    assert not path.exists() and not list(lane.library.settings.temp.iterdir())


def test_nothing_is_left_of_a_song_whose_worker_or_studio_was_killed(worker, tmp_path):
    assert settled(worker, "sings and dies").state == "interrupted"
    assert not list(worker.library.settings.temp.iterdir())
    worker.stop()
    left = worker.library.settings.temp / "cut-off"
    left.mkdir()
    (left / preview.NAME).write_bytes(b"RIFF")
    again = Lane(Library(worker.library.settings), InThread({"make": make}))
    again.start()
    again.stop()
    assert not left.exists()


def test_a_disk_that_is_full_ends_the_preview_and_not_the_song(tmp_path):
    with preview.growing(tmp_path / "nowhere" / preview.NAME) as hear:
        hear(sung(0))
        hear(sung(1))
    with pytest.raises(FileNotFoundError):
        preview.read(tmp_path / "nowhere" / preview.NAME)


def test_the_worker_ends_when_the_studio_is_gone():
    runner = InWorker(ENTRY)
    runner.start()
    pid = runner._process.pid
    runner._connection.close()
    waiter = threading.Thread(target=runner._process.wait)
    waiter.start()
    waiter.join(5)
    assert not waiter.is_alive()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)


def test_a_lane_without_a_worker_rests_and_still_works(tmp_path):
    rests = []
    for lane in _lane(tmp_path, InThread({"make": make}, lambda: rests.append(threading.current_thread().name), 0.3)):
        assert settled(lane, "fine").state == "done"
        assert not rests, "there was no time to"
        time.sleep(1.0)
        assert len(rests) >= 2 and set(rests) == {"lane"}, "where songs are made, so never beside one"
        assert settled(lane, "fine").state == "done"


def test_a_worker_without_work_rests_and_still_works(tmp_path):
    runner = InWorker(ENTRY)
    try:
        assert runner.run("rests", {}, tmp_path, silent)["count"] == 0
        time.sleep(1.0)
        assert runner.run("rests", {}, tmp_path, silent)["count"] >= 2
    finally:
        runner.stop()
