"""What an engine is. A new engine is a new file with one class of this shape, named in `engines.ENGINES`."""

from typing import Protocol

from song.audio import Audio
from song.progress import Progress
from song.request import Knobs, Making, Mastering, Original, SongRequest, groups
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

    def checkpoints(self) -> tuple[str, ...]:
        """Models that a request can name; empty if it has none to choose from."""

    def duration(self, request: SongRequest, original: float = 0.0) -> float:
        """Seconds of the song, at most; `original` are those of its source. Fast: no loading. `request.seed` is set.
        Raises BadRequest for what only it can know."""

    def load(self) -> None:
        """Get ready, so that the first song does not wait."""

    def unload(self) -> None:
        """Give back what is large in memory; `generate` loads it again."""

    def generate(
        self,
        request: SongRequest,
        progress: Progress,
        source: Source | None = None,
        beside: tuple[SongRequest, ...] = (),
        reference: Audio | None = None,
    ) -> Take:
        """Make the song. `request.seed` is set and `variations` is 1; `source` is there for every mode that has one.
        `beside` are variations that will be asked for next: an engine may make them along with this one. `reference` is
        another song, whose sound the new one should have, where the request names one."""


_OWN = (Making, Mastering, Original)  # what the studio reads for every engine


def read_with(engine: Engine) -> tuple[type[Knobs], ...]:
    """Groups of knobs that mean something where this engine makes the song."""
    return (*engine.groups, *_OWN)


def unread(engine: Engine, request: SongRequest) -> tuple[str, ...]:
    """Knobs that were turned but mean nothing to this engine."""
    return tuple(
        name
        for group, members in groups(type(request))
        if group not in read_with(engine)
        for name, field in members.items()
        if getattr(request, name) != field.default
    )
