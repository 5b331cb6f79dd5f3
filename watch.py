"""Who waits for which job, and how it goes: one thread looks at the lane and the library for all who wait.

Whoever waits is a coroutine and holds no thread; a hundred of them cost one look, and hear of it on their own event
loops. The more wait, the more seldom each hears that nothing new is to be said.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor

from jobs import Lane
from library import Library
from song.errors import StudioError
from song.job import Job

LOOK = 0.2  # seconds between two looks at the library
WORDS = 20.0  # a second, to all who wait together, that a job goes on

log = logging.getLogger("studio.watch")
_asking = ThreadPoolExecutor(2, "watch-ask")  # of their own: other threads may stand before a locked library


class Waiter:
    """Somebody who waits for a job: the newest that is known of it."""

    def __init__(self, job: Job):
        self.job = job
        self.fault: StudioError | None = None
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()

    async def news(self, patience: float) -> None:
        """Wait until something changed, or that many seconds. Raises NotFound where the job is gone."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), patience)
        self._told.clear()
        if self.fault is not None:
            raise self.fault

    def tell(self, news: Job | StudioError) -> None:
        """From any thread."""
        if isinstance(news, StudioError):
            self.fault = news
        elif news == self.job:
            return
        else:
            self.job = news
        with contextlib.suppress(RuntimeError):  # its loop is closed, and so nobody waits any more
            self._loop.call_soon_threadsafe(self._told.set)


class Watch:
    """Tells all who wait for jobs how they go. Its thread is there while anybody waits."""

    def __init__(self, library: Library, lane: Lane):
        self.library, self.lane = library, lane
        self._waiters: dict[str, list[Waiter]] = {}
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """How many wait."""
        with self._mutex:
            return sum(map(len, self._waiters.values()))

    async def follow(self, job_id: str, beat: float) -> AsyncGenerator[Job, None]:
        """Every change of a job, and one item at least every `beat` seconds, or less often where many wait; the last is
        final. Raises NotFound."""
        loop = asyncio.get_running_loop()
        waiter = Waiter(await loop.run_in_executor(_asking, self.newest, job_id))
        with self._among(job_id, waiter):
            while True:
                job = waiter.job
                yield job
                if job.final:
                    return
                await self._word(waiter, job, beat)

    async def _word(self, waiter: Waiter, job: Job, beat: float) -> None:
        """Wait until there is something to say again after `job` was told."""
        since, pause = time.monotonic(), len(self) / WORDS
        while (waiter.job.state, waiter.job.takes) == (job.state, job.takes):
            patience = pause if gist(waiter.job) != gist(job) else max(beat, pause)
            if (left := since + patience - time.monotonic()) <= 0:
                return
            await waiter.news(left)

    def newest(self, job_id: str) -> Job:
        """The newest that is known of a job. Raises NotFound."""
        current = self.lane.current
        return current if current is not None and current.id == job_id else self.library.job(job_id)

    @contextlib.contextmanager
    def _among(self, job_id: str, waiter: Waiter) -> Iterator[None]:
        with self._mutex:
            self._waiters.setdefault(job_id, []).append(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._live, name="watch", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._mutex:
                self._waiters[job_id].remove(waiter)
                if not self._waiters[job_id]:
                    del self._waiters[job_id]

    def _live(self) -> None:
        looked, before = 0.0, None
        while True:
            with self._mutex:
                if not self._waiters:
                    self._thread = None
                    return
                waiting = {job_id: list(waiters) for job_id, waiters in self._waiters.items()}
            current = self.lane.current
            if current is not None:
                for waiter in waiting.pop(current.id, ()):
                    waiter.tell(current)
            running = current and current.id
            if running != before or time.monotonic() - looked >= LOOK:
                try:
                    self._look(waiting)
                except StudioError as error:  # a failing disk, say; those who wait go on waiting
                    log.warning("nobody can be told how the jobs go: %s", error)
                looked, before = time.monotonic(), running
            with self.lane.changed:
                if self.lane.current is current:
                    self.lane.changed.wait(LOOK)

    def _look(self, waiting: dict[str, list[Waiter]]) -> None:
        """Tell of those that are not in the lane: how many are before each, or else how it ended."""
        line = self.library.line()
        for job_id, waiters in waiting.items():
            news: Job | StudioError
            if (stage := line.get(job_id)) is not None:
                news = waiters[0].job.model_copy(update={"state": "queued", "stage": stage, "fraction": 0.0})
            else:
                try:
                    news = self.newest(job_id)
                except StudioError as error:
                    news = error
            for waiter in waiters:
                waiter.tell(news)


def gist(job: Job) -> tuple[object, ...]:
    """What of a job is worth a word to whoever waits for it."""
    return job.state, job.stage, round(job.fraction, 2), job.audible, job.takes
