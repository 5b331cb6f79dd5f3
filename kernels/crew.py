"""Threads that sleep inside compiled code between jobs: waking them needs no interpreter lock, sleeping no core."""

import ctypes
import threading
import weakref

import numpy as np

from kernels import table as at
from kernels.compiled import entry
from kernels.cpu import P
from kernels.errors import KernelsUnfit
from kernels.memory import lines
from kernels.simd import LINE

MOST_THREADS = 256
PAGE = 4096


class Crew:
    """`threads` threads, the caller's among them, around one table. Not to be used from two threads at once."""

    def __init__(self, threads: int, layers: int = 0):
        """`layers` rows in the second table, for jobs that have layers. Raises ValueError."""
        if not 1 <= threads <= MOST_THREADS:
            raise ValueError(f"threads must be from 1 to {MOST_THREADS}, not {threads}")
        self.threads = threads
        self.table = np.zeros(at.SIZE, np.int64)
        self.layers = np.zeros((layers, at.LAYER_SIZE), np.int64)
        self._enter = entry()
        self.table[[at.HERE, at.LAYER_TABLE]] = self.table.ctypes.data, self.layers.ctypes.data
        self._meeting = lines((threads + 1) * LINE)  # the counter, then a semaphore for each
        address = self._meeting.ctypes.data
        self.table[[at.THREADS, at.COUNTER, at.SEMAPHORES]] = threads, address, address + LINE
        _initialise(address + LINE, threads)
        self.make_room(1, LINE, LINE)
        self._lock = threading.Lock()
        self._workers = [
            threading.Thread(target=self._enter, args=(one, self.table.ctypes.data), name=f"kernels-{one}", daemon=True)
            for one in range(1, threads)
        ]
        for worker in self._workers:
            worker.start()
        # The threads know the tables but not the crew, so that a forgotten one is found and closed.
        self._closing = weakref.finalize(
            self, _close, self._enter, self.table, self.layers, self._workers, self._meeting
        )

    def make_room(self, rows: int, widest: int, scores: int) -> None:
        """Scratch for every thread: room for `rows` rows of `widest` activations, and for scores."""
        sizes = {
            at.NORMED: 4 * rows * widest,
            at.NARROWED: 2 * rows * widest,
            at.X_SCALES: 4 * rows,
            at.SUMS: 4 * rows * P,
            at.SCORES: 4 * scores,
        }
        place = 0
        for name, size in sizes.items():
            self.table[name] = place
            place += -(-size // LINE) * LINE
        size = -(-place // PAGE) * PAGE  # no thread writes on a line of another
        self._scratch = lines(size * self.threads)
        self.table[[at.SCRATCH, at.SCRATCH_BYTES]] = self._scratch.ctypes.data, size

    def do(self, job: int) -> None:
        """Do a job with all threads. Raises KernelsUnfit where they are gone: closed, or left behind by a fork."""
        with self._lock:
            if not self._closing.alive or not all(worker.is_alive() for worker in self._workers):
                raise KernelsUnfit("The threads of this step have ended; build a new one.")
            self.table[at.JOB] = job
            self._enter(0, self.table.ctypes.data)

    def close(self) -> None:
        """End the threads. May be called more than once."""
        with self._lock:
            self._closing()


def _initialise(address: int, count: int) -> None:
    for one in range(count):
        if ctypes.CDLL(None).sem_init(ctypes.c_void_p(address + one * LINE), 0, 0) != 0:
            raise KernelsUnfit("This system has no semaphores for threads; the plain loop must do.")


def _close(enter, table, layers, workers, meeting) -> None:
    # `meeting` is held until all have gone, since it is where they sleep.
    table[at.JOB] = at.CLOSE
    if all(worker.is_alive() for worker in workers):  # not after a fork
        enter(0, table.ctypes.data)
        for worker in workers:
            worker.join()
