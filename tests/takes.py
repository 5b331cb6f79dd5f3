"""Small whole takes for tests of the rooms that keep them; and the worker of tests/test_jobs.py."""

import _thread
import ctypes
import errno
import hashlib
import itertools
import json
import os
import signal
import time
import wave
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import durable
import preview
from library import FILES
from song.audio import Audio
from song.errors import CannotMake
from song.progress import Progress
from song.request import Generate, read
from song.take import Facts, Recipe
from worker import serve

MADE = {"by": "Made by hand.", "sum": "the song", "licence": "As you like."}  # what a zip of stems says of itself


def recipe(id: str = "take", prompt: str = "dusty lo-fi", **changed: Any) -> Recipe:
    request = Generate(prompt=prompt, seed=7)
    plan = {"style": "lofi", "style_name": "Lo-fi hip hop", "bpm": 82, "key": "D minor", "meter": "4/4", "sections": []}
    known: dict[str, Any] = {
        "id": id,
        "title": prompt[:40],
        "created": datetime.now(UTC),
        "mode": "generate",
        "engine": "composer",
        "engine_version": "1",
        "versions": {},
        "request": request,
        "seed": 7,
        "duration": 5.0,
        "sample_rate": 48000,
        "channels": 2,
        "plan": plan,
        "facts": Facts(lufs=-14, true_peak_dbtp=-1, bpm=82, key="D minor"),
        "seconds_spent": 0.1,
        "samples_sha256": "0" * 64,
    }
    return Recipe(**(known | changed))


def samples(seed: int, frames: int, channels: int = 2) -> bytes:
    """A sound that is known again by its seed, as 24-bit samples."""
    return (seed & 0xFFFFFF).to_bytes(3, "little") * (frames * channels)


def fill(folder: Path, made: Recipe) -> None:
    """The files of a take, as `tasks.make` leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    with wave.open(str(folder / FILES["audio"]), "wb") as sound:
        sound.setparams((made.channels, 3, made.sample_rate, 0, "NONE", ""))
        sound.writeframes(samples(made.seed, round(made.duration * made.sample_rate), made.channels))
    (folder / FILES["recipe"]).write_text(made.model_dump_json(), encoding="utf-8")


RAISED: dict[str, Callable[[], BaseException]] = {
    kind.__name__: kind
    for kind in (
        KeyboardInterrupt,
        SystemExit,
        GeneratorExit,
        BaseException,
        RecursionError,
        StopIteration,
        AssertionError,
    )
} | {"no space": lambda: OSError(errno.ENOSPC, "No space left"), "input/output": lambda: OSError(errno.EIO, "Error")}


def make(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """A task that does what the prompt says: faults that no well-behaved engine would show."""
    request = read(arguments["request"])
    progress(0.1, "working")
    {
        "fine": lambda: None,
        "slow": lambda: _slowly(progress),
        "slow later": lambda: _slowly(progress) if arguments["id"].endswith("-2") else None,
        "thread ends": lambda: _thread.exit(),
        "stack": lambda: _deeper(),
        "endless": lambda: _endlessly(progress),
        "spins": lambda: _spinning(),
        "slowly done": lambda: time.sleep(0.5),
        "deaf": lambda: time.sleep(60),
        "holds the lock": lambda: ctypes.PyDLL(None).sleep(60),
        "stopped": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "abort": lambda: os.abort(),
        "exit": lambda: os._exit(3),
        "memory": lambda: _raise(MemoryError()),
        "value": lambda: _raise(ValueError("a secret path /etc/x")),
        "full": lambda: _raise(OSError(errno.ENOSPC, "No space left on device")),
        "cannot": lambda: _raise(CannotMake("This cannot be made; try something else.")),
        "writes": lambda: _writing(folder, lambda: time.sleep(60)),
        "writes and dies": lambda: _writing(folder, lambda: os._exit(1)),
        "die once": lambda: _die_once(folder),
        "sings": lambda: _singing(folder, progress),
        "sings on": lambda: _singing(folder, progress, lambda: _slowly(progress)),
        "sings and dies": lambda: _singing(folder, progress, lambda: os._exit(1)),
    }.get(request.prompt, lambda: _raise(RAISED[request.prompt]()))()
    said: dict[str, Any] = {"request": request, "seed": request.seed, "duration": 0.01}
    said["samples_sha256"] = hashlib.sha256(samples(request.seed or 0, 480)).hexdigest()
    made = recipe(arguments["id"], **said)
    fill(folder, made)
    return json.loads(made.model_dump_json())


def _writing(folder: Path, then: Callable[[], None]) -> None:
    with durable.atomic(folder / "half") as beside:
        beside.write_bytes(b"RIFF")
        then()


def _slowly(progress: Progress) -> None:
    for step in range(1, 500):
        time.sleep(0.02)
        progress(step / 500, "working")


def sung(number: int) -> Audio:
    """A tenth of a second of a sound that is known again by its number."""
    return Audio(np.full((2, 3200), (number + 1) / 64, np.float32), 32_000)


def _singing(folder: Path, progress: Progress, then: Callable[[], None] = lambda: None) -> None:
    with preview.growing(folder / preview.NAME) as hear:
        for number in range(10):
            hear(sung(number))
            progress(0.1 + number / 20, "singing")
            time.sleep(0.05)
        then()


def _raise(error: BaseException) -> None:
    raise error


def _endlessly(progress: Progress) -> None:
    for step in itertools.count():
        time.sleep(0.01)
        progress(0.5, f"step {step}")


def _spinning() -> None:
    while True:
        pass


def _deeper() -> None:
    _deeper()


def _die_once(folder: Path) -> None:
    mark = folder.parent.parent / "died"
    if not mark.exists():
        mark.touch()
        os._exit(1)


def work(handle: int) -> None:
    rests: list[float] = []
    tasks = {"make": make, "rests": lambda *_: {"count": len(rests)}}
    serve(handle, tasks, lambda: None, lambda: rests.append(time.monotonic()), idle=0.3)
