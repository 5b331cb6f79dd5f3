"""A Space's shared GPU (ZeroGPU): one entry point that borrows it for as long as a song takes; elsewhere a plain call.

Where the Space has one, `spaces.GPU` runs the entry in a process that it forks: what goes in and comes out is pickled,
so it is plain JSON, and how far it is comes out as it goes. When the caller closes the generator, the work is cancelled
at its next step. Anywhere else the entry runs in a thread of this process, by the same messages.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Generator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from composer.original import spoken
from settings import settings
from song.errors import Cancelled, CannotMake, EngineFailed
from song.progress import Progress
from worker import InThread, Task, coded, outcome

Messages = Generator[dict[str, Any], None, None]
Entry = Callable[[dict[str, Any], str], Messages]
"""`entry(arguments, folder)`: {"progress": [fraction, stage]} as it goes, at last {"answer"}, {"error"} or
{"cancelled"}."""

WRITE = "write"  # the task that writes lyrics with a language model; its arguments say so under "task"
SHORTEST, LONGEST = 60, 300  # seconds that the GPU is borrowed for
# Not measured on such a machine, but meant to be enough there: what is left over is given back.
_LOADING = 40.0  # seconds
_DECODING, _STEP = 0.02, 0.004  # seconds of work for a second of music, and for each step of diffusion
_TOKENS = 0.6  # seconds of work for a second of music that is drawn code by code
_THINKING = 0.15  # seconds of work for a second of music that is planned first
_WORD = 0.05  # seconds of work for a token of a language model that writes lyrics
_STEPS, _MUSIC = 50, 60.0  # where a request does not say
_SONG = 600.0  # seconds of a song at most


def shared() -> bool:
    """Whether this is a Space with a shared GPU."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true") and find_spec("spaces") is not None


def on_gpu(entry: Entry) -> Entry:
    """The entry, with the shared GPU where there is one; itself anywhere else. Applied when a module is imported: a
    Space looks for decorated functions while it starts."""
    if not shared():
        return entry
    import spaces

    return spaces.GPU(duration=lambda arguments, *_, **__: estimate(arguments))(entry)


def estimate(arguments: Mapping[str, Any]) -> int:
    """Seconds that a song and those made beside it may take at most, from mode, length, steps and thinking, or lyrics
    from the tokens they may have, within bounds."""
    request, songs = arguments["request"], 1 + len(arguments.get("beside", ()))
    if arguments.get("task") == WRITE:
        return _bounded(_LOADING + request["max_tokens"] * _WORD)
    original = float((arguments.get("source") or {}).get("duration", 0.0))
    music = (request.get("duration") or original or _unsaid(request)) + (request.get("seconds") or 0.0)
    passes = max(1, str(request.get("regions", "")).count("-"))  # each region hears the whole song
    work = (
        _TOKENS if request["engine"] == "musicgen" else _DECODING + _STEP * (request.get("inference_steps") or _STEPS)
    )
    work += _THINKING if request["engine"] == "acestep" and request.get("thinking") else 0.0
    return _bounded(_LOADING + songs * passes * music * work)


def _unsaid(request: Mapping[str, Any]) -> float:
    """Seconds of music at most where no knob and no original says how many. Of a song with words ACE-Step's planner
    decides, or the words do."""
    said = spoken(request.get("prompt", "")).seconds
    sung = request["engine"] == "acestep" and request.get("lyrics") and not request.get("instrumental")
    return said or (min(_SONG, settings().max_duration) if sung else _MUSIC)


def _bounded(seconds: float) -> int:
    return round(min(LONGEST, max(SHORTEST, seconds)))


def messages(work: Callable[[Progress], dict[str, Any]]) -> Messages:
    """What work has to say, message by message, the last one final. Closing this cancels the work, and waits for it."""
    heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    stop = threading.Event()

    def progress(fraction: float, stage: str) -> None:
        if stop.is_set():
            raise Cancelled
        heard.put({"progress": [fraction, stage]})

    def run() -> None:
        try:
            heard.put({"answer": work(progress)})
        except Cancelled:
            heard.put({"cancelled": True})
        except BaseException as error:  # the door between processes: every fault becomes a coded sentence
            heard.put({"error": coded(error)})

    thread = threading.Thread(target=run, name="gpu")
    thread.start()
    try:
        while True:
            message = heard.get()
            yield message
            if "progress" not in message:
                return
    finally:
        stop.set()
        thread.join()


class OnGpu(InThread):
    """Carries tasks out in the lane's own thread, and songs and lyrics that want a GPU through the one entry."""

    def __init__(self, tasks: Mapping[str, Task], rest: Callable[[], None], entry: Entry, engines: tuple[str, ...]):
        """`entry` makes the takes of these engines; for `rest` see `InThread`."""
        borrowing = {"make": self._make} | ({WRITE: self._borrowed} if WRITE in tasks else {})
        super().__init__({**tasks, **borrowing}, rest)
        self.plain, self.entry, self.engines = tasks["make"], entry, engines

    def _make(self, arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
        if arguments["request"]["engine"] not in self.engines:
            return self.plain(arguments, folder, progress)
        return self._borrowed(arguments, folder, progress)

    def _borrowed(self, arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
        with contextlib.closing(self.entry(arguments, str(folder))) as going:
            message = _heard(going)
            while "progress" in message:
                progress(*message["progress"])
                message = _heard(going)
        return outcome(message)


def _heard(going: Messages) -> dict[str, Any]:
    """The next message. Raises CannotMake where the GPU is not given: no quota, none free, or taken away."""
    try:
        return next(going)
    except StopIteration:
        raise EngineFailed("The GPU was given back before the song was done; try again.") from None
    except Exception as error:  # the library's own words, made for the page of a Space
        words = str(getattr(error, "message", error)).rstrip(". ")
        raise CannotMake(
            f"This Space gives no GPU for it: {words}. Try again later, or with a shorter song."
        ) from error
