"""What an engine is. A new engine is a new file with one class of this shape, named in `engines.ENGINES`."""

from typing import Protocol

from song.progress import Progress
from song.request import Knobs, SongRequest
from song.source import Source
from song.take import Take


class Engine(Protocol):
    """A way of making sound. Made cheaply; `load` does the heavy part, once, in the process that will generate."""

    name: str
    version: str  # changes whenever the same request would sound different
    modes: tuple[str, ...]
    groups: tuple[type[Knobs], ...]  # the knob groups it reads

    def available(self) -> str | None:
        """Why this engine cannot be used here, as a sentence that says what to do; None if it can."""

    def styles(self) -> dict[str, str]:
        """Styles it knows: what a request calls them, and what musicians do. Empty if any words will do."""

    def duration(self, request: SongRequest, original: float = 0.0) -> float:
        """Seconds of the song, at most; `original` are those of its source. Fast: no loading. `request.seed` is set.
        Raises BadRequest for what only it can know."""

    def load(self) -> None:
        """Get ready, so that the first song does not wait."""

    def generate(self, request: SongRequest, progress: Progress, source: Source | None = None) -> Take:
        """Make the song. `request.seed` is set and `variations` is 1; `source` is there for every mode that has one."""
