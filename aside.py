"""One body for two kinds of callers: coroutines, which must not hold up their event loop, and plain threads.

Written as a coroutine, with what takes long in `quickly`, `heavily` or `settled`. On an event loop these let others do
the work and hold no thread while they wait; without one they do it right there, and `at_once` runs the whole.
"""

import asyncio
import functools
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from song.errors import Cancelled
from song.progress import Progress

HEAVY = 2  # that convert at once; what others read has threads of its own

P = ParamSpec("P")
T = TypeVar("T")
_heavy = ThreadPoolExecutor(HEAVY, "heavy")


def at_once(going: Coroutine[Any, Any, T]) -> T:
    """What such a coroutine gives, in this thread."""
    try:
        going.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    going.close()
    raise RuntimeError("a coroutine that waits for others needs an event loop")


def steps(going: AsyncGenerator[T, None]) -> Generator[T]:
    """What such a generator gives, in this thread."""
    try:
        while True:
            try:
                yield at_once(going.__anext__())
            except StopAsyncIteration:
                return
    finally:
        at_once(going.aclose())


async def quickly(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """A read, a row, a small file."""
    return await asyncio.to_thread(work, *given, **named) if looped() else work(*given, **named)


async def heavily(work: Callable[[Progress], T], progress: Progress) -> T:
    """What keeps a processor busy, a few at a time. It is cancelled with the coroutine, at its next progress."""
    if not looped():
        return work(progress)
    stop = threading.Event()
    mine = functools.partial(copy_context().run, work, until(stop, progress))
    try:
        return await asyncio.get_running_loop().run_in_executor(_heavy, mine)
    finally:
        stop.set()


async def settled(going: "Future[Any]", seconds: float | None = None) -> bool:
    """Wait until something is done, or for so many seconds; whether it is."""
    if not looped():
        wait([going], seconds)
    elif seconds is None:
        inside = asyncio.wrap_future(going)
        # What went wrong is asked of `going`; asyncio would complain in the log that nobody asked its copy.
        inside.add_done_callback(lambda copy: copy.cancelled() or copy.exception())
        await asyncio.wait({inside})
    elif not going.done():
        await asyncio.sleep(seconds)
    return going.done()


def until(stop: threading.Event, progress: Progress) -> Progress:
    """A progress that cancels once `stop` is set."""

    def heard(fraction: float, stage: str) -> None:
        if stop.is_set():
            raise Cancelled
        progress(fraction, stage)

    return heard


def looped() -> bool:
    """Whether this thread belongs to an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
