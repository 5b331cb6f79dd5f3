"""A song in the making, to be heard before it is done: a WAV file that grows while others read it.

It is what the engine has settled so far, unmastered, in 16 bit. It lies beside the take's other files, but is never
kept, is as long as the song at most, and is gone when the song is finished, cancelled or cut off.
"""

import contextlib
import logging
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from song.audio import Audio

NAME = "preview.wav"
ENDLESS = 0xFFFFFFFF  # the length of a WAV file whose length nobody knows yet
BLOCK = 64 * 1024  # bytes that are read at once

log = logging.getLogger("studio.preview")


@contextlib.contextmanager
def growing(path: Path) -> Iterator[Callable[[Audio], None]]:
    """Gives what takes the sound, piece by piece. `path` appears with the first piece and is gone after the block."""
    file = _Growing(path)
    try:
        yield file.add
    finally:
        file.end()


def begun(path: Path) -> bool:
    """True while there is something to hear."""
    return path.is_file()


def read(path: Path) -> Iterator[bytes]:
    """All that is there, then what comes, until the file is gone; empty bytes where one has to wait, as long as one
    likes. Raises FileNotFoundError, at once, where nothing can be heard."""
    return _blocks(path, path.open("rb"))


def _blocks(path: Path, file: BinaryIO) -> Iterator[bytes]:
    with file:
        while True:
            more = begun(path)  # asked first: what was written before it went away is still read
            block = file.read(BLOCK)
            if not (block or more):
                return
            yield block


class _Growing:
    def __init__(self, path: Path):
        self.path = path
        self._file: BinaryIO | None = None
        self._over = False

    def add(self, audio: Audio) -> None:
        """Append a piece. A disk that is full ends the preview, not the song."""
        if self._over or not audio.frames:
            return
        try:
            if self._file is None:
                self._file = self.path.open("xb")
                self._file.write(_head(audio))
            self._file.write(_pcm(audio))
            self._file.flush()
        except OSError as error:
            log.warning("the song cannot be heard while it is made: %s", error)
            self.end()

    def end(self) -> None:
        self._over = True
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written is thrown away
                self._file.close()
            self.path.unlink(missing_ok=True)


def _head(audio: Audio) -> bytes:
    """The start of an endless WAV file."""
    frame = 2 * audio.channels  # bytes
    rates = (audio.channels, audio.sample_rate, frame * audio.sample_rate, frame, 16)
    form = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", ENDLESS, b"WAVE", b"fmt ", 16, 1, *rates)
    return form + struct.pack("<4sI", b"data", ENDLESS)


def _pcm(audio: Audio) -> bytes:
    scaled = np.rint(audio.samples.T * 32768)
    return np.clip(scaled, -32768, 32767).astype("<i2").tobytes()
