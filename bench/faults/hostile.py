"""A worker whose composer misbehaves as a song's title says; everything else is the studio's own.

"raise NAME" raises; "sound KIND" makes sound that is none; "hang KIND" never ends. Any other song is made as ever.
"""

import _thread
import ctypes
import errno
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import tasks
from engines.composer import Composer
from song.audio import Audio
from song.errors import CannotMake
from song.progress import Progress
from song.take import Take

ENTRY = "import bench.faults.hostile as hostile; hostile.work({handle})"


class Panic(BaseException):
    """What a library in Rust raises: no Exception."""


def _code(message: str) -> None:
    raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, message)


def _deeper() -> None:
    _deeper()


def _raising(fault: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise fault

    return fail


RAISED: dict[str, tuple[Callable[[], None], str]] = {
    kind.__name__: (_raising(kind()), "engine_failed")
    for kind in (
        RuntimeError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError, AssertionError, ImportError,
        KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration, BaseException, Panic,
    )
}  # fmt: skip
RAISED |= {
    "thread": (lambda: _thread.exit(), "engine_failed"),
    "recursion": (_deeper, "engine_failed"),
    "unicode": (lambda: _code("bad"), "engine_failed"),
    "memory": (_raising(MemoryError()), "not_enough_memory"),
    "full": (_raising(OSError(errno.ENOSPC, "No space left")), "disk_full"),
    "failing": (_raising(OSError(errno.EIO, "Input/output error")), "disk_failing"),
    "cannot": (_raising(CannotMake("This cannot be made; try something else.")), "cannot_make"),
}
SOUNDS: dict[str, Callable[[], Any]] = {
    "three": lambda: Audio(np.zeros((3, 48_000), np.float32)),
    "empty": lambda: Audio(np.zeros((2, 0), np.float32)),
    "nan": lambda: Audio(np.full((2, 48_000), np.nan, np.float32)),
    "infinite": lambda: Audio(np.full((2, 48_000), np.inf, np.float32)),
    "none": lambda: None,
}


def _loop() -> None:
    while True:
        pass


def _for_ever(progress: Progress) -> None:
    step = 0
    while True:
        step += 1
        time.sleep(0.01)
        progress(0.5, f"Step {step}")


def misbehave(title: str, progress: Progress) -> Any:
    """Do what the title says; None where it says nothing of the kind."""
    kind, _, what = title.partition(" ")
    if kind == "raise":
        RAISED[what][0]()
    if kind == "sound":
        return SOUNDS[what]
    hangs: dict[str, Callable[[], object]] = {
        "loop": _loop,
        "lock": lambda: ctypes.PyDLL(None).sleep(3600),
        "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "progress": lambda: _for_ever(progress),
    }
    if kind == "hang":
        hangs[what]()
    return None


def patch() -> None:
    """From now on the composer of this process does as titles say."""
    proper = Composer.generate

    def generate(engine: Composer, request: Any, progress: Progress, *more: Any) -> Take:
        sound = misbehave(request.title, progress)
        return Take(request, "composer", "1", sound()) if sound else proper(engine, request, progress, *more)

    Composer.generate = generate  # type: ignore[method-assign, assignment]


def work(handle: int) -> None:
    patch()
    tasks.work(handle)
