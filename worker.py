"""Where tasks are carried out: in this thread, or in a worker process that may die.

`InThread` does the work right there (on a Space, for the command line, in tests); `InWorker` keeps a child process that
holds the engines. The child never touches the library: it fills a folder and answers. So it may be killed
at any moment.
"""

import contextlib
import json
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import durable
from settings import ROOT
from song.errors import (
    Cancelled,
    CannotMake,
    DiskFailing,
    DiskFull,
    EngineFailed,
    NotEnoughMemory,
    StudioError,
    TookTooLong,
)
from song.progress import Progress

Task = Callable[[dict[str, Any], Path, Progress], dict[str, Any]]
"""`task(arguments, folder, progress) -> answer`: plain JSON in and out, files into the folder."""

CANCEL_GRACE = 0.5  # seconds a worker has to react before it is killed
BEAT = 1.0  # seconds between two signs of life of a worker
QUIET = 4.0  # seconds without one before it is said that something is wrong
SILENCE = 60.0  # and before the worker is replaced: it was stopped, or holds Python's lock and will not let go
SETTLED = 10.0  # seconds that a worker lives before its end is no fault of its start
IDLE = 600.0  # seconds without work after which what is large gives its memory back
LISTEN = 0.05  # seconds between two looks at what else happened

_FAMILY = (DiskFull, DiskFailing, NotEnoughMemory, TookTooLong, EngineFailed, CannotMake)

log = logging.getLogger("studio.worker")


class WorkerDied(Exception):
    """The worker process ended in the middle of its work."""


class WorkerSilent(WorkerDied):
    """The worker process gave no sign of life any more, and was killed."""


class Runner(Protocol):
    """Where a task is carried out."""

    @property
    def ailing(self) -> str | None: ...
    def start(self) -> None: ...
    def run(self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]: ...
    def wait(self) -> None: ...
    def stop(self) -> None: ...


class InThread:
    """Carries tasks out in the lane's own thread, and calls `rest` after every `idle` seconds without any."""

    def __init__(self, tasks: Mapping[str, Task], rest: Callable[[], None] = lambda: None, idle: float = IDLE):
        self.tasks, self.rest, self.idle = tasks, rest, idle
        self._since = time.monotonic()  # when it last worked or rested

    @property
    def ailing(self) -> str | None:
        return None

    def start(self) -> None:
        pass

    def run(self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
        """Raises Cancelled, or a StudioError: whatever else a task raises, be it KeyboardInterrupt or the end of a
        thread, is its own fault, and must not end whoever sees it through."""
        try:
            return self.tasks[task](arguments, folder, progress)
        except (Cancelled, StudioError):
            raise
        except BaseException as error:
            raise said(coded(error)) from error
        finally:
            self._since = time.monotonic()

    def wait(self) -> None:
        """There is nothing to do; the lane says so again and again."""
        if time.monotonic() - self._since >= self.idle:
            self.rest()
            self._since = time.monotonic()

    def stop(self) -> None:
        pass


class InWorker:
    """Carries tasks out in a child process that is started by `entry`, a line of Python that calls `serve`.

    Every task has a number, and so has every word about it. A worker whose task was not seen to its end is replaced: it
    may still be at it, and what it says of that must not be taken for the answer to the next one.
    """

    def __init__(self, entry: str):
        self.entry = entry
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._number = 0  # of the newest task
        self._born = self._heard = 0.0  # when the worker was started and when it gave the last sign of life

    @property
    def ailing(self) -> str | None:
        """What is wrong with the worker, as a sentence; None while it gives signs of life, or none was ever started."""
        process, heard = self._process, self._heard
        if process is None:
            return None
        if process.poll() is not None:
            return "The worker has ended; another one is started."
        if _halted(process.pid):
            return "The worker was stopped from outside and gives no sign of life."
        quiet = time.monotonic() - heard
        if heard == self._born:  # it says nothing while it imports what it needs
            return f"The worker has not started in {quiet:.0f} s." if quiet > SILENCE else None
        return f"The worker has given no sign of life for {quiet:.0f} s." if quiet > QUIET else None

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
            self._connection = Connection(ours.detach())
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)
        self._born = self._heard = time.monotonic()

    def run(self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
        """Raises WorkerDied, what the task raised, and what `progress` raises. Only for Cancelled is the worker asked
        to stop; on anything else that comes in between it is killed."""
        with _or_dead():
            self.start()
        assert self._process is not None
        process = self._process.pid
        self._number += 1
        self._attend()
        try:
            self._send({"id": self._number, "task": task, "arguments": arguments, "folder": str(folder)})
            message = self._listen(progress)
        except BaseException as fault:
            self.stop()
            with contextlib.suppress(OSError):
                durable.sweep(folder, process)  # it was killed in the middle of a file, perhaps
                if isinstance(fault, Cancelled):
                    self.start()
            raise
        return outcome(message)

    def wait(self) -> None:
        """The worker rests by itself. One that has ended or fell silent meanwhile is replaced, so that the next song
        does not wait for that; one that ends as soon as it is started only for the next song."""
        self._attend()
        process = self._process
        if process is None:
            return
        if time.monotonic() - self._heard > SILENCE:
            self.stop()
        elif process.poll() is None or self._heard - self._born < SETTLED:
            return
        with contextlib.suppress(OSError):
            self.start()

    def _attend(self) -> None:
        """Hear the signs of life that came while nobody listened."""
        with contextlib.suppress(EOFError, OSError):
            while self._connection is not None and self._connection.poll():
                self._connection.recv_bytes()
                self._heard = time.monotonic()

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
        words = json.dumps(message).encode()
        with _or_dead():
            self._connection.send_bytes(words)

    def _next(self) -> dict[str, Any] | None:
        """The next word about the newest task; None where nothing was said for a moment, or about another one.
        Raises WorkerSilent."""
        assert self._connection is not None
        with _or_dead():
            if not self._connection.poll(LISTEN):
                if time.monotonic() - self._heard > SILENCE:
                    raise WorkerSilent
                return None
            message = json.loads(self._connection.recv_bytes())
            self._heard = time.monotonic()
            return message if message["id"] == self._number and "beat" not in message else None

    def _listen(self, progress: Progress) -> dict[str, Any]:
        """Pass progress on until the last word comes; ask the worker to stop when `progress` says Cancelled, and raise
        that where it does not react."""
        fraction, stage = 0.0, "starting"
        cancelled_at: float | None = None
        while True:
            message = self._next()
            if message is not None:
                if "progress" not in message:
                    return message
                fraction, stage = message["progress"]
            if cancelled_at is None:
                try:
                    progress(fraction, stage)
                except Cancelled:
                    cancelled_at = time.monotonic()
                    self._send({"cancel": self._number})
            elif time.monotonic() - cancelled_at > CANCEL_GRACE:
                raise Cancelled


@contextlib.contextmanager
def _or_dead() -> Iterator[None]:
    """What goes wrong between the processes is the worker's end."""
    try:
        yield
    except (EOFError, OSError, ValueError, LookupError, TypeError) as error:
        raise WorkerDied(str(error)) from error


def outcome(message: dict[str, Any]) -> dict[str, Any]:
    """The answer that a task's last word holds. Raises Cancelled, or the error that it tells of."""
    if message.get("cancelled"):
        raise Cancelled
    if "error" in message:
        raise said(message["error"])
    return message["answer"]


def _halted(pid: int) -> bool:
    """Whether somebody sent SIGSTOP, or a debugger holds it: proc(5), the field behind the name in parentheses."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "tT"
    except (OSError, IndexError):
        return False


def serve(
    handle: int, tasks: Mapping[str, Task], warm: Callable[[], None], rest: Callable[[], None], idle: float = IDLE
) -> None:
    """The worker's life: warm up, then carry out tasks from the connection until the studio is gone. After every `idle`
    seconds without any it rests: what is large gives its memory back."""
    connection = Connection(handle)
    work: queue.Queue[dict[str, Any]] = queue.Queue()
    speaking = threading.Lock()
    number, cancelled = 0, 0  # of the task in the making, and of the one that was called off last

    def hear() -> None:
        nonlocal cancelled
        with contextlib.suppress(EOFError, OSError):
            while True:
                message = json.loads(connection.recv_bytes())
                if "cancel" in message:
                    cancelled = message["cancel"]
                else:
                    work.put(message)
        os._exit(0)  # the studio is gone; nobody waits for what we are doing

    def say(message: dict[str, Any]) -> None:
        words = json.dumps({"id": number} | message).encode()
        with speaking:
            connection.send_bytes(words)

    def beat() -> None:
        """From a thread of its own: a long call into a library says nothing, and is alive."""
        with contextlib.suppress(OSError):
            while True:
                say({"beat": True})
                time.sleep(BEAT)

    def progress(fraction: float, stage: str) -> None:
        if cancelled == number:
            raise Cancelled
        say({"progress": [float(fraction), str(stage)]})

    threading.Thread(target=hear, daemon=True).start()
    threading.Thread(target=beat, daemon=True).start()
    _survived(warm)
    while True:
        try:
            message = work.get(timeout=idle)
        except queue.Empty:
            _survived(rest)
            continue
        number = message["id"]
        try:
            answer = tasks[message["task"]](message["arguments"], Path(message["folder"]), progress)
            say({"answer": answer})
        except Cancelled:
            say({"cancelled": True})
        except BaseException as error:  # the door between processes: every fault becomes a coded sentence
            say({"error": coded(error)})


def _survived(extra: Callable[[], None]) -> None:
    """Do what no song depends on; the log has what went wrong."""
    try:
        extra()
    except BaseException:
        log.exception("the worker goes on")


def coded(error: BaseException) -> dict[str, str]:
    """An error as plain JSON: what the log and the user may see of it."""
    if isinstance(error, StudioError):
        return {"code": error.code, "message": str(error)}
    if disk := durable.disk_fault(error):
        return coded(disk)
    if isinstance(error, MemoryError):
        return {
            "code": NotEnoughMemory.code,
            "message": "There was not enough memory for this song; try a shorter one.",
        }
    log.error("unexpected", exc_info=error)
    return {"code": EngineFailed.code, "message": f"The engine failed ({type(error).__name__}); the log says more."}


def said(coded: dict[str, str]) -> StudioError:
    """The error that `coded` put into plain JSON."""
    family = {kind.code: kind for kind in _FAMILY}
    error = family.get(coded["code"], CannotMake)(coded["message"])
    error.code = coded["code"]
    return error
