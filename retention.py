"""What is kept only to spare work, and for how long: files made from takes and uploads, and the page's own cache.

A take's song, score, words, captions, picture and recipe are never touched, nor is what cannot be made again. The rest
goes when nobody used it for long, and, the longest unused first, where all of it together takes more than its share of
the disk. When a file was used last is its time of access, which `use` sets: not every disk keeps it by itself, and the
time of change is what browsers know a file by.
"""

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from settings import Settings

EVERY = 300.0  # seconds between two looks
DAY = 24 * 3600.0
MASTER_SECONDS, PAGE_SECONDS = 30 * DAY, DAY  # unused, after which a file goes in any case
MASTER_GRACE, PAGE_GRACE = 60.0, 3600.0  # used less long ago, it stays in any case: it is on its way to somebody
SESSIONS = ("ardour.zip", "reaper.zip", "song.dawproject")
MADE = (
    *("song.flac", "song.mp3", "song.opus", "song-*.wav", "song-*.flac", "song-*.mp3", "song-*.opus"),
    *("loop-*.wav", "gamepack-*.zip", "stems.zip", "stems-*.zip", *SESSIONS),
)

log = logging.getLogger("studio.retention")


@dataclass(frozen=True)
class Entry:
    """A file that may go: when it was used last (seconds since 1970), its bytes, and how long it is kept."""

    path: Path
    used: float
    size: int
    longest: float
    grace: float


def use(path: Path) -> None:
    """Note that somebody wants this file now. What cannot be noted, on a disk that is read-only, is not."""
    with contextlib.suppress(OSError):
        known = path.stat()
        os.utime(path, ns=(time.time_ns(), known.st_mtime_ns))


def thin(config: Settings, now: float | None = None) -> int:
    """Remove what is too old or too much; how many files that were."""
    now = time.time() if now is None else now
    entries = sorted((*_made(config), *_page(config)), key=lambda entry: entry.used)
    total, gone = sum(entry.size for entry in entries), 0
    for entry in entries:
        idle = now - entry.used
        if idle > entry.longest or (total > config.max_cache and idle > entry.grace):
            with contextlib.suppress(OSError):
                entry.path.unlink()
                entry.path.with_name(f"{entry.path.name}.json").unlink(missing_ok=True)  # what was done to it
                total, gone = total - entry.size, gone + 1
    _empty(config.page_cache, now)
    return gone


def _made(config: Settings) -> Iterator[Entry]:
    """Files made from takes and uploads that can be made again."""
    for folder in (*_folders(config.takes), *_folders(config.sources)):
        for path in {path for pattern in MADE for path in folder.glob(pattern)}:
            if path.name != "stems.zip" or _again(folder):
                yield from _entry(path, MASTER_SECONDS, MASTER_GRACE)


def _again(folder: Path) -> bool:
    """Whether a take's own stems can be rendered again: those of one that was made from another song may not be, once
    that is gone."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        return bool(json.loads((folder / "recipe.json").read_bytes())["request"]["mode"] == "generate")
    return False


def _page(config: Settings) -> Iterator[Entry]:
    for path in config.page_cache.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield from _entry(path, PAGE_SECONDS, PAGE_GRACE)


def _entry(path: Path, longest: float, grace: float) -> Iterator[Entry]:
    with contextlib.suppress(OSError):  # it has just gone
        known = path.stat()
        yield Entry(path, max(known.st_atime, known.st_mtime), known.st_size, longest, grace)


def _folders(place: Path) -> list[Path]:
    return [path for path in place.iterdir() if path.is_dir()] if place.is_dir() else []


def _empty(place: Path, now: float) -> None:
    """Remove folders that have been empty for a while; one that was just made is about to be filled."""
    for folder in _folders(place):
        with contextlib.suppress(OSError):  # not empty
            if now - folder.stat().st_mtime > DAY:
                folder.rmdir()


class Housekeeper:
    """Thins every few minutes in a thread of its own, from `start` to `close`."""

    def __init__(self, thinned: Callable[[], int], every: float = EVERY):
        self.thinned, self.every = thinned, every
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="housekeeper", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._over.set()

    def _live(self) -> None:
        while True:
            try:
                if gone := self.thinned():
                    log.info("removed %d files that can be made again", gone)
            except OSError as error:  # a disk that fails, say; the next look may go better
                log.warning("what can be made again is not looked through: %s", error)
            if self._over.wait(self.every):
                return
