"""The lane: a durable queue, one job at a time, each seen to its end.

The lane's thread claims jobs from the library, hands each to a runner (see worker.py), and keeps what comes back. One
lane per STUDIO_HOME: it holds a lock on <home>/lane.lock. Other processes only queue jobs and read rows.
"""

import contextlib
import fcntl
import functools
import logging
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import Context, copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import preview
from library import Library, new_id, take_id
from limits import ERRAND, Clock, limit
from song.errors import (
    Cancelled,
    CannotMake,
    CannotOpen,
    DiskFailing,
    DiskFull,
    EngineFailed,
    LibraryLocked,
    StudioError,
)
from song.job import Job
from song.progress import Progress, part, silent
from song.request import SongRequest, has_source, originals
from song.take import Kept, Recipe
from worker import Runner, WorkerDied, WorkerSilent, coded, said

NOTE_EVERY = 0.5  # seconds between two progress rows
TRY_AGAIN, SELDOM = 0.1, 5.0  # seconds until a library that could not be written is tried again, at first and at last
TRIES = 5  # of a song that cannot be kept for no reason that may pass
PASSING = (CannotOpen, DiskFull, DiskFailing)  # what may pass by itself, or once somebody has seen to it
_STOPPING = "The studio is stopping; try again later."

Answer = TypeVar("Answer")

log = logging.getLogger("studio.lane")


@dataclass(frozen=True)
class Errand:
    """A task that is no job, in whose name it is done, and where its answer goes."""

    task: str
    arguments: dict[str, Any]
    folder: Path
    progress: Progress
    asker: Context
    answer: Future[dict[str, Any]]


class Lane:
    """Claims jobs and sees each one to its end."""

    def __init__(self, library: Library, runner: Runner):
        self.library = library
        self.runner = runner
        self.changed = threading.Condition()
        self.current: Job | None = None  # the running job with its newest progress
        self._folder: Path | None = None  # where its take is made
        self._errands: queue.SimpleQueue[Errand] = queue.SimpleQueue()
        self._cancelling: set[str] = set()
        self._askers: dict[str, Context] = {}  # in whose name a job is done, by its id
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: int | None = None
        self._stumbled = False  # a row may say "running" though nothing runs
        self._trouble: str | None = None  # why the lane cannot go on, while it cannot
        self._began = 0.0  # when the running job began; monotonic seconds
        self._clock: Clock | None = None  # of what is carried out
        self._noted = 0.0  # when its progress was last written to the row

    @property
    def ours(self) -> bool:
        """True if this process owns the lane of its STUDIO_HOME."""
        return self._lock is not None

    @property
    def ailing(self) -> str | None:
        """Why no song is made here that should be, as a sentence; None while all is well. Costs nothing to ask."""
        if self._thread is None or not self._thread.is_alive():
            return "The lane is not running; restart the studio."
        clock = self._clock
        if self._trouble is None and clock is not None and clock.over:  # inline nobody can end it from outside
            return "The song in the making takes far too long and does not react; restart the studio."
        return self._trouble or (self.runner.ailing if self.ours else None)

    def start(self, only: str | None = None) -> None:
        """Begin to claim jobs, as soon as the lane is free; `only` this one where the command line asks."""
        try:
            self._own()
        except (StudioError, OSError) as error:  # its thread tries again
            self._stumble(error)
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
            if (answer := self._errands.get().answer).set_running_or_notify_cancel():
                answer.set_exception(CannotMake(_STOPPING))
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def wake(self) -> None:
        """There is something new to do."""
        self._wake.set()

    def remember(self, job_id: str) -> None:
        """Whoever asks for this job now is who it is done for: a Space counts the time of its GPU by that."""
        self._askers[job_id] = copy_context()

    def cancel(self, job_id: str) -> None:
        """Stop this job if it runs here."""
        self._askers.pop(job_id, None)
        self._cancelling.add(job_id)
        self.wake()

    def preview(self, job_id: str) -> Path | None:
        """Where the sound of a job grows that runs here; the file need not be there."""
        current, folder = self.current, self._folder
        return folder / preview.NAME if folder and current and current.id == job_id else None

    def call(self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress = silent) -> dict[str, Any]:
        """Carry out a task that is no job, between jobs, and wait for its answer. `progress` may raise Cancelled, in
        the lane's thread, too."""
        answer = self.begin(task, arguments, folder, progress)
        try:
            while not answer.running() and not answer.done():
                progress(0.0, "waiting")
                wait([answer], timeout=0.2)
        except Cancelled:
            if answer.cancel():  # else it has begun, and the lane hears of it
                raise
        return answer.result()

    def begin(self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress) -> Future[dict[str, Any]]:
        """Carry out a task that is no job, between jobs. `progress` is called on the lane's thread, and may raise
        Cancelled; then the answer is that."""
        future: Future[dict[str, Any]] = Future()
        self._errands.put(Errand(task, arguments, folder, progress, copy_context(), future))
        self.wake()
        return future

    def _own(self) -> bool:
        if self._lock is None:
            handle = os.open(self.library.settings.home / "lane.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            self._lock, self._stumbled = handle, True
            self.library.recover()
            self._stumbled = False
            self.runner.start()
        return True

    def _live(self, only: str | None) -> None:
        while not self._stopping.is_set():
            try:
                worked = self._work(only)
                self._trouble = None
                if not worked:
                    self.runner.wait()
                    # Other processes cannot wake us, so look again soon.
                    self._wake.wait(0.2)
                    self._wake.clear()
            except Exception as error:  # a locked or full disk, say: the lane outlives it and puts things right after
                self._stumble(error)
                self._stopping.wait(1)

    def _stumble(self, error: Exception) -> None:
        if str(error) != self._trouble:  # said once, however long it lasts
            log.error("the lane stumbled: %s", error, exc_info=not isinstance(error, StudioError))
        self._stumbled, self._trouble = True, str(error)

    def _work(self, only: str | None) -> bool:
        """Do one thing if there is one to do."""
        if not self._own():
            return False
        if self._stumbled:
            self.library.put_right()
            self._stumbled = False
        with contextlib.suppress(queue.Empty):
            self._errand(self._errands.get_nowait())
            return True
        job = self.library.claim(only)
        if job is not None:
            self._see_through(job)
        return job is not None

    def _errand(self, errand: "Errand") -> None:
        def progress(fraction: float, stage: str) -> None:
            if self._stopping.is_set():
                raise CannotMake(_STOPPING)
            clock.tick(fraction, stage)
            errand.progress(fraction, stage)

        if not errand.answer.set_running_or_notify_cancel():
            return
        self._clock = clock = Clock(ERRAND * self.library.settings.patience)
        try:
            done = errand.asker.run(self.runner.run, errand.task, errand.arguments, errand.folder, progress)
            errand.answer.set_result(done)
        except WorkerDied:
            errand.answer.set_exception(EngineFailed("The worker stopped while it did this; try again."))
        except Exception as error:  # whatever went wrong belongs to the caller, not to the lane
            errand.answer.set_exception(error)
        finally:
            self._clock = None

    def _see_through(self, job: Job) -> None:
        """Run a claimed job and write down how it ended."""
        self._began = time.monotonic()
        self._show(job)
        settle = functools.partial(self.library.settle, job.id)
        try:
            self._clock = Clock(limit(asked(job), self._music(asked(job)), self.library.settings.patience))
            for variation in range(len(job.takes), asked(job).variations):
                job = self._make(job, variation)
            end: Callable[[], object] = functools.partial(settle, "done")
        except Cancelled:
            end = functools.partial(settle, "cancelled")
            if self._stopping.is_set():
                end = functools.partial(self.library.unclaim, job.id)
        except WorkerDied as death:
            end = self._after_death(job, death)
        except StudioError as error:
            end = functools.partial(settle, "failed", error.code, str(error))
        except Exception as error:  # a fault in an engine must not stop the lane; the log has the traceback
            log.exception("job %s failed", job.id)
            fault = said(coded(error))
            end = functools.partial(settle, "failed", fault.code, str(fault))
        self._clock = None
        try:
            self._surely(self.current or job, "Ended", end)
        finally:
            self._cancelling.discard(job.id)
            self._askers.pop(job.id, None)
            self._show(None)

    def _after_death(self, job: Job, death: WorkerDied) -> Callable[[], object]:
        """A job whose worker died runs again once; a second time it is the job's own fault."""
        silent = isinstance(death, WorkerSilent)
        log.warning("the worker %s in job %s, attempt %d", "fell silent" if silent else "died", job.id, job.attempts)
        if job.attempts < 2:
            return functools.partial(self.library.settle, job.id, "queued")
        code, how = (
            ("worker_silent", "gave no sign of life for a minute") if silent else ("interrupted", "stopped twice")
        )
        sentence = f"The engine {how} while it made this song; try a shorter song or another engine."
        return functools.partial(self.library.settle, job.id, "interrupted", code, sentence)

    def _music(self, request: SongRequest) -> float:
        """Seconds of sound that a song is about: its own, and those of the one it starts from; where nobody said, as
        many as this studio makes at most."""
        said = getattr(request, "duration", None), getattr(request, "seconds", None)
        original = self.library.origin(request.source).duration if has_source(request) else 0.0
        return (original + sum(filter(None, said))) or self.library.settings.max_duration

    def _surely(self, job: Job, word: str, write: Callable[[], Answer]) -> Answer:
        """What `write` gives, which is tried until the library takes it; meanwhile the job says what it waits for."""
        pause, faults = TRY_AGAIN, 0
        while True:
            try:
                done = write()
            except (Cancelled, EngineFailed):
                raise
            except Exception as error:
                faults += not isinstance(error, PASSING)
                if self._stopping.is_set() or faults >= TRIES:
                    raise
                if self._trouble != str(error):
                    log.warning("job %s waits: %s", job.id, error)
                self._trouble = str(error)
                self._show(job.model_copy(update={"stage": f"{word}; waiting for {_awaited(error)}"}))
                self._stopping.wait(pause)
                pause = min(2 * pause, SELDOM)
            else:
                self._trouble = None
                return done

    def _make(self, job: Job, variation: int) -> Job:
        """One variation: made in a folder of its own in temp, then kept at once."""
        folder = self.library.settings.temp / new_id()
        request = asked(job)
        whole = 1 / request.variations
        progress = part(functools.partial(self._progress, job), variation * whole, (variation + 1) * whole)
        arguments: dict[str, Any] = {"id": take_id(job.id, variation), "request": request_of(job, variation)}
        arguments["beside"] = [request_of(job, later) for later in range(variation + 1, request.variations)]
        for what, id in originals(request).items():
            arguments[what] = self.library.origin(id).model_dump(mode="json")
        ready = False
        try:
            folder.mkdir()
            self._folder = folder
            asker = self._askers.get(job.id) or copy_context()
            answer = asker.run(self.runner.run, "make", arguments, folder, progress)
            recipe = Recipe.model_validate(answer)
            if recipe.id != arguments["id"]:
                raise EngineFailed("The engine answered with another song than the one asked for; try again.")
            ready = True
            kept = self._keep(job, recipe, folder)
        finally:
            self._folder = None
            if not (ready and self._stopping.is_set()):  # else the next start finds it there, whole
                shutil.rmtree(folder, ignore_errors=True)
        job = job.model_copy(update={"takes": (*job.takes, kept.id)})
        self._show(job)
        return job

    def _keep(self, job: Job, recipe: Recipe, folder: Path) -> Kept:
        """A ready song is kept as soon as it can be, unless somebody calls the job off."""

        def keep() -> Kept:
            if self._stopping.is_set():
                raise Cancelled
            if job.id in self._cancelling:
                self.library.discard(recipe.id)
                raise Cancelled
            return self.library.keep(recipe, folder, job)

        shown, began = (
            job.model_copy(update={"fraction": (len(job.takes) + 1) / asked(job).variations}),
            time.monotonic(),
        )
        try:
            return self._surely(shown, "Ready", keep)
        finally:
            if self._clock is not None:
                self._clock.pause(time.monotonic() - began)

    def _progress(self, job: Job, fraction: float, stage: str) -> None:
        now = time.monotonic()
        if self._stopping.is_set() or job.id in self._cancelling:
            raise Cancelled
        if self._clock is not None:
            self._clock.tick(fraction, stage)
        shown = self.current
        if shown is None or (shown.fraction, shown.stage) != (fraction, stage):
            left = (now - self._began) * (1 - fraction) / fraction if fraction > 0.05 else None
            heard = self._folder is not None and preview.begun(self._folder / preview.NAME)
            news = {"fraction": fraction, "stage": stage, "seconds_left": left, "audible": heard}
            self._show(job.model_copy(update=news))
        if now - self._noted > NOTE_EVERY:
            self._note(job, fraction, stage)
            self._noted = time.monotonic()

    def _note(self, job: Job, fraction: float, stage: str) -> None:
        """Let other processes see how far it is, and look whether they called it off. A library that is locked or full
        costs the note and not the song."""
        try:
            self.library.note_progress(job.id, fraction, stage)
            if self.library.cancelling(job.id):
                self._cancelling.add(job.id)
        except StudioError as error:
            log.warning("progress of job %s could not be noted: %s", job.id, error)

    def _show(self, job: Job | None) -> None:
        with self.changed:
            self.current = job
            self.changed.notify_all()


def _awaited(error: Exception) -> str:
    """What has to change before a song can be kept."""
    if isinstance(error, LibraryLocked):
        return "the library, which another program has locked"
    if isinstance(error, DiskFull):
        return "room on the disk"
    return f"the library: {error}"


def asked(job: Job) -> SongRequest:
    """What a claimed job asks for: the library claims none whose request cannot be read."""
    assert job.request is not None
    return job.request


def request_of(job: Job, variation: int) -> dict[str, Any]:
    """The request for one variation, as plain JSON: the seeds of variations follow each other."""
    request = asked(job)
    seed = ((request.seed or 0) + variation) % 2**32
    return request.model_copy(update={"seed": seed, "variations": 1}).model_dump(mode="json")
