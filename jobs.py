"""The lane: a durable queue, one piece of work at a time, in a worker process that may die.

The lane's thread claims jobs from the library and hands each to a runner. `InThread` does the work right there (on a
Space, the command line, in tests); `InWorker` keeps a child process that holds the engines. The child never
touches the library: it fills a folder in temp and answers; the lane keeps the folder. So a worker may be killed at any
moment.

One lane per STUDIO_HOME: it holds a lock on <home>/lane.lock. Other processes only queue jobs and read rows.
"""

import contextlib
import fcntl
import functools
import json
import logging
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from library import Library, new_id, take_id
from settings import ROOT
from song.errors import Cancelled, CannotMake, DiskFull, EngineFailed, StudioError
from song.job import Job
from song.progress import Progress, part
from song.take import Recipe

Task = Callable[[dict[str, Any], Path, Progress], dict[str, Any]]
"""`task(arguments, folder, progress) -> answer`: plain JSON in and out, files into the folder."""

CANCEL_GRACE = 0.6  # seconds a worker has to react before it is killed
STALL = 300.0  # seconds without any word from a worker before it is taken for dead
LISTEN = 0.05  # seconds between two looks at what else happened
NOTE_EVERY = 0.5  # seconds between two progress rows

log = logging.getLogger("studio.lane")


class WorkerDied(Exception):
    """The worker process ended in the middle of its work."""


class Runner(Protocol):
    """Where a task is carried out."""

    def start(self) -> None: ...
    def run(self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]: ...
    def stop(self) -> None: ...


class InThread:
    """Carries tasks out in the lane's own thread."""

    def __init__(self, tasks: Mapping[str, Task]):
        self.tasks = tasks

    def start(self) -> None:
        pass

    def run(self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
        return self.tasks[task](arguments, folder, progress)

    def stop(self) -> None:
        pass


class InWorker:
    """Carries tasks out in a child process that is started by `entry`, a line of Python that calls `serve`."""

    def __init__(self, entry: str):
        self.entry = entry
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Start a worker if none is alive. It warms up on its own."""
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        ours, theirs = socket.socketpair()
        with theirs:
            line = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {self.entry.format(handle=theirs.fileno())}"
            # A session of its own: Ctrl-C in the terminal is for the studio, which then stops the worker.
            command = [sys.executable, "-c", line]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)
        self._connection = Connection(ours.detach())

    def run(self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
        self.start()
        try:
            self._send({"task": task, "arguments": arguments, "folder": str(folder)})
            return self._listen(progress)
        except (EOFError, OSError) as error:
            self.stop()
            raise WorkerDied from error

    def stop(self) -> None:
        """Kill the worker, whatever it does."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._connection = None

    def _send(self, message: dict[str, Any]) -> None:
        assert self._connection is not None
        self._connection.send_bytes(json.dumps(message).encode())

    def _listen(self, progress: Progress) -> dict[str, Any]:
        """Pass progress on until the answer comes; ask, then make, the worker stop when `progress` says Cancelled."""
        assert self._connection is not None
        fraction, stage, heard = 0.0, "starting", time.monotonic()
        cancelled_at: float | None = None
        while True:
            if self._connection.poll(LISTEN):
                message = json.loads(self._connection.recv_bytes())
                heard = time.monotonic()
                if "progress" in message:
                    fraction, stage = message["progress"]
                elif message.get("cancelled"):
                    raise Cancelled
                elif "error" in message:
                    raise _error(message["error"])
                else:
                    return message["answer"]
            elif time.monotonic() - heard > STALL:
                raise EOFError("the worker does not answer")
            if cancelled_at is None:
                try:
                    progress(fraction, stage)
                except Cancelled:
                    cancelled_at = time.monotonic()
                    self._send({"cancel": True})
            elif time.monotonic() - cancelled_at > CANCEL_GRACE:
                self.stop()
                self.start()
                raise Cancelled


def serve(handle: int, tasks: Mapping[str, Task], warm: Callable[[], None]) -> None:
    """The worker's life: warm up, then carry out tasks from the connection until the studio is gone."""
    connection = Connection(handle)
    work: queue.Queue[dict[str, Any]] = queue.Queue()
    cancelled = threading.Event()

    def hear() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                message = json.loads(connection.recv_bytes())
                if "cancel" in message:
                    cancelled.set()
                else:
                    cancelled.clear()
                    work.put(message)
        os._exit(0)  # the studio is gone; nobody waits for what we are doing

    def say(message: dict[str, Any]) -> None:
        connection.send_bytes(json.dumps(message).encode())

    def progress(fraction: float, stage: str) -> None:
        if cancelled.is_set():
            raise Cancelled
        say({"progress": [fraction, stage]})

    threading.Thread(target=hear, daemon=True).start()
    warm()
    while True:
        message = work.get()
        try:
            answer = tasks[message["task"]](message["arguments"], Path(message["folder"]), progress)
            say({"answer": answer})
        except Cancelled:
            say({"cancelled": True})
        except Exception as error:  # the door between processes: every fault becomes a coded sentence
            say({"error": _coded(error)})


class Lane:
    """Claims jobs and sees each one to its end."""

    def __init__(self, library: Library, runner: Runner):
        self.library = library
        self.runner = runner
        self.changed = threading.Condition()
        self.current: Job | None = None  # the running job with its newest progress
        self._errands: queue.SimpleQueue[tuple[str, dict[str, Any], Path, Future[dict[str, Any]]]] = queue.SimpleQueue()
        self._cancelling: set[str] = set()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: int | None = None
        self._began = 0.0  # when the running job began; monotonic seconds
        self._noted = 0.0  # when its progress was last written to the row

    @property
    def ours(self) -> bool:
        """True if this process owns the lane of its STUDIO_HOME."""
        return self._lock is not None

    def start(self, only: str | None = None) -> None:
        """Begin to claim jobs, as soon as the lane is free; `only` this one where the command line asks."""
        self._own()
        self._thread = threading.Thread(target=self._live, args=(only,), name="lane", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more, put the running job back, stop the worker, leave the lane to others."""
        self._stopping.set()
        self.wake()
        if self._thread is not None:
            self._thread.join()
        self.runner.stop()
        while not self._errands.empty():
            self._errands.get()[-1].set_exception(CannotMake("The studio is stopping; try again later."))
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def wake(self) -> None:
        """There is something new to do."""
        self._wake.set()

    def cancel(self, job_id: str) -> None:
        """Stop this job if it runs here."""
        self._cancelling.add(job_id)
        self.wake()

    def call(self, task: str, arguments: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Carry out a task that is no job, between jobs, and wait for its answer."""
        future: Future[dict[str, Any]] = Future()
        self._errands.put((task, arguments, folder, future))
        self.wake()
        return future.result()

    def _own(self) -> bool:
        if self._lock is None:
            handle = os.open(self.library.settings.home / "lane.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            self._lock = handle
            self.library.recover()
            self.runner.start()
        return True

    def _live(self, only: str | None) -> None:
        while not self._stopping.is_set():
            try:
                if not self._work(only):
                    # Other processes cannot wake us, so look again soon.
                    self._wake.wait(0.2)
                    self._wake.clear()
            except StudioError as error:
                log.error("%s", error)
                self._stopping.wait(1)

    def _work(self, only: str | None) -> bool:
        """Do one thing if there is one to do."""
        if not self._own():
            return False
        with contextlib.suppress(queue.Empty):
            self._errand(*self._errands.get_nowait())
            return True
        job = self.library.claim(only)
        if job is not None:
            self._see_through(job)
        return job is not None

    def _errand(self, task: str, arguments: dict[str, Any], folder: Path, future: Future[dict[str, Any]]) -> None:
        try:
            future.set_result(self.runner.run(task, arguments, folder, lambda fraction, stage: None))
        except WorkerDied:
            future.set_exception(EngineFailed("The worker stopped while it did this; try again."))
        except Exception as error:  # whatever went wrong belongs to the caller, not to the lane
            future.set_exception(error)

    def _see_through(self, job: Job) -> None:
        """Run a claimed job and write down how it ended."""
        self._began = time.monotonic()
        self._show(job)
        try:
            for variation in range(len(job.takes), job.request.variations):
                job = self._make(job, variation)
        except Cancelled:
            if self._stopping.is_set():
                self.library.unclaim(job.id)
            else:
                self.library.settle(job.id, "cancelled")
        except WorkerDied:
            self._after_death(job)
        except StudioError as error:
            self.library.settle(job.id, "failed", error.code, str(error))
        except Exception as error:  # a fault in an engine must not stop the lane; the log has the traceback
            log.exception("job %s failed", job.id)
            coded = _error(_coded(error))
            self.library.settle(job.id, "failed", coded.code, str(coded))
        else:
            self.library.settle(job.id, "done")
        finally:
            self._cancelling.discard(job.id)
            self._show(None)

    def _after_death(self, job: Job) -> None:
        """A job whose worker died runs again once; a second time it is the job's own fault."""
        log.warning("the worker died in job %s, attempt %d", job.id, job.attempts)
        if job.attempts < 2:
            self.library.settle(job.id, "queued")
        else:
            sentence = "The engine stopped twice while it made this song; try a shorter song or another engine."
            self.library.settle(job.id, "interrupted", "interrupted", sentence)

    def _make(self, job: Job, variation: int) -> Job:
        """One variation: made in a folder of its own in temp, then kept at once."""
        folder = self.library.settings.temp / new_id()
        whole = 1 / job.request.variations
        progress = part(functools.partial(self._progress, job), variation * whole, (variation + 1) * whole)
        arguments = {"id": take_id(job.id, variation), "request": request_of(job, variation)}
        try:
            folder.mkdir()
            answer = self.runner.run("make", arguments, folder, progress)
            kept = self.library.keep(Recipe.model_validate(answer), folder, job)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        job = job.model_copy(update={"takes": (*job.takes, kept.id)})
        self._show(job)
        return job

    def _progress(self, job: Job, fraction: float, stage: str) -> None:
        now = time.monotonic()
        if self._stopping.is_set() or job.id in self._cancelling:
            raise Cancelled
        shown = self.current
        if shown is None or (shown.fraction, shown.stage) != (fraction, stage):
            left = (now - self._began) * (1 - fraction) / fraction if fraction > 0.05 else None
            self._show(job.model_copy(update={"fraction": fraction, "stage": stage, "seconds_left": left}))
        if now - self._noted > NOTE_EVERY:
            self._noted = now
            self.library.note_progress(job.id, fraction, stage)
            if self.library.cancelling(job.id):
                self._cancelling.add(job.id)

    def _show(self, job: Job | None) -> None:
        with self.changed:
            self.current = job
            self.changed.notify_all()


def request_of(job: Job, variation: int) -> dict[str, Any]:
    """The request for one variation, as plain JSON: the seeds of variations follow each other."""
    seed = (job.request.seed or 0) + variation
    return job.request.model_copy(update={"seed": seed % 2**32, "variations": 1}).model_dump(mode="json")


def _coded(error: Exception) -> dict[str, str]:
    """An error as plain JSON."""
    if isinstance(error, StudioError):
        return {"code": error.code, "message": str(error)}
    if isinstance(error, OSError) and error.errno in (28, 122):  # ENOSPC, EDQUOT
        return {"code": DiskFull.code, "message": "The disk is full; free some space and try again."}
    if isinstance(error, MemoryError):
        return {"code": EngineFailed.code, "message": "There was not enough memory for this song; try a shorter one."}
    log.error("unexpected", exc_info=error)
    return {"code": EngineFailed.code, "message": f"The engine failed ({type(error).__name__}); the log says more."}


def _error(coded: dict[str, str]) -> StudioError:
    family = {kind.code: kind for kind in (DiskFull, EngineFailed, CannotMake)}
    error = family.get(coded["code"], CannotMake)(coded["message"])
    error.code = coded["code"]
    return error
