"""Many hands: the same work on many things at once, in threads that let go of the interpreter."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from song.progress import Progress

LISTEN = 0.1  # seconds between two looks at whether somebody cancelled

Thing = TypeVar("Thing")


def together(
    work: Callable[[Thing], None], things: Iterable[Thing], progress: Progress, stage: str, threads: int | None = None
) -> None:
    """`work` on every thing, begun in their order. Raises what the work raises; `Cancelled` without waiting for it."""
    pool = ThreadPoolExecutor(threads or min(8, os.cpu_count() or 2))
    waiting = {pool.submit(work, thing) for thing in things}
    count = len(waiting)
    try:
        while waiting:
            done, waiting = wait(waiting, LISTEN)
            for job in done:
                job.result()
            progress(1 - len(waiting) / count, stage)
    finally:
        # Nobody waits for the threads of a cancelled song; each ends with what it is at.
        pool.shutdown(wait=False, cancel_futures=True)
