"""What a coroutine of the page or of a door lets others do: the event loop waits for no disk, no lock and no song."""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

import gradio as gr

SEATS = 256  # callers and pages that may wait at once; see SLOTS in app.py
FULL = (
    f"{SEATS} callers wait for their songs already. Try again later, or ask with /submit, which does not wait, and "
    "look with /job."
)

P = ParamSpec("P")
T = TypeVar("T")
reading = asyncio.to_thread
_writers = ThreadPoolExecutor(2, "write")  # of their own: a locked library stops who writes, and nobody who reads
_seated = 0


async def writing(ask: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """What changes the library. In the name of whoever asks, as asyncio.to_thread does it."""
    work: Callable[[], T] = functools.partial(copy_context().run, ask, *given, **named)
    return await asyncio.get_running_loop().run_in_executor(_writers, work)


@contextlib.contextmanager
def seat() -> Iterator[None]:
    """A place to wait on. Raises gr.Error where all are taken; on the event loop alone."""
    global _seated
    if _seated >= SEATS:
        raise gr.Error(FULL, print_exception=False)
    _seated += 1
    try:
        yield
    finally:
        _seated -= 1
