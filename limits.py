"""How long a song may take. The one place where that is decided.

A limit is there for what would never end, and must not end what is only slow. So it is what the slowest machine that
anybody will wait for may need, times `STUDIO_PATIENCE`:

    composer      5 minutes to compile, and 2 s for a second of music: 160 times of what two cores need
    with weights  half an hour to convert, load and compile models and to plan, and for a second of music 20 s and
                  4 s more for each step. On one core MusicGen small takes 8 s for a second of music, and the large one
                  has eight times as many weights; what is drawn code by code counts as 50 steps.

A song that visibly gets on may take four times as long, if at its own rate it will be done by then. One that says
nothing new for half of its limit is ended before: a single call that long is none that ends.
"""

import time

import ledger
from song.errors import TookTooLong
from song.request import SongRequest

COMPILING, PLAYING = 300.0, 2.0  # seconds; seconds for a second of music
LOADING, DECODING, STEP, STEPS = 1800.0, 20.0, 4.0, 50
ERRAND = 7200.0  # of what is no song, such as taking one apart
LATE = 4.0
STILL = 0.5  # of the limit without anything new


def limit(request: SongRequest, music: float, patience: float = 1.0) -> float:
    """Seconds that a job may take with all its variations; `music` are those of one, and of the song it starts from."""
    songs = request.variations
    if request.engine in ledger.OWN:
        return patience * (COMPILING + songs * music * PLAYING)
    steps = getattr(request, "inference_steps", None) or STEPS
    return patience * (LOADING + songs * music * (DECODING + STEP * steps))


class Clock:
    """Holds one task's progress against its limit, in seconds."""

    def __init__(self, limit: float):
        self.limit = limit
        self._began = self._new = self._grew = time.monotonic()
        self._best, self._said = 0.0, (0.0, "")

    def pause(self, seconds: float) -> None:
        """So many seconds went by that are not the task's."""
        self._began, self._new, self._grew = (then + seconds for then in (self._began, self._new, self._grew))

    def tick(self, fraction: float, stage: str) -> None:
        """So far it is now. Raises TookTooLong."""
        now = time.monotonic()
        if fraction > self._best:
            self._best, self._grew = fraction, now
        if (fraction, stage) != self._said:
            self._said, self._new = (fraction, stage), now
        if self.over:
            raise TookTooLong(
                f"This took more than {_span(now - self._began)} and did not get on; try a shorter song or fewer "
                "steps, or set STUDIO_PATIENCE to more than it is."
            )

    @property
    def over(self) -> bool:
        now = time.monotonic()
        spent = now - self._began
        if now - self._new > STILL * self.limit or spent > LATE * self.limit:
            return True
        gets_on = now - self._grew < STILL * STILL * self.limit and spent <= self._best * LATE * self.limit
        return spent > self.limit and not gets_on


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
