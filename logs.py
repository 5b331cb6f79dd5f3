"""The log: a line says when, how grave, and who says it. It goes to stderr; a log that cannot be written stops nothing.

Requests are not written down, so what somebody asks for is not in it. Every process of the studio begins with `begin`.
"""

import contextlib
import logging
import os
import sys
import time
from typing import Any, TextIO

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OTHERS = ("uvicorn", "uvicorn.error", "uvicorn.access")  # loggers that would write for themselves


class Enduring:
    """A stream whose faults are nobody's: a full disk, or a terminal that is gone, costs the words alone."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, words: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(words)
            self._stream.flush()  # else the fault comes at the end, when Python gives the stream up
        return len(words)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Timed(logging.Formatter):
    """Times as RFC 3339 has them, in UTC, with milliseconds."""

    converter = staticmethod(time.gmtime)
    default_time_format, default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"


def begin() -> None:
    """Write this process's log to stderr from now on, warnings of uvicorn too, and outlive a stream that is broken."""
    _descriptors()
    sys.stdout, sys.stderr = (Enduring(stream) for stream in (_there(sys.stdout, 1), _there(sys.stderr, 2)))
    logging.raiseExceptions = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Timed(LINE))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("studio").setLevel(logging.INFO)
    logging.captureWarnings(True)


def adopt() -> None:
    """Have others' loggers, which made handlers of their own, write as all do."""
    for name in OTHERS:
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True


def end() -> None:
    """Give the streams up for good: what a full disk has not taken must not turn a clean end into exit code 120."""
    sys.stdout.flush()
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(null, number)


def _descriptors() -> None:
    """Occupy 0, 1 and 2 where they are closed: the next file, be it the library, would be written to as if it were the
    log."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest that is free, which is this one
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)


def _there(stream: TextIO | None, number: int) -> TextIO:
    """A stream by its descriptor where Python found it closed."""
    return (
        stream if stream is not None else open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    )
