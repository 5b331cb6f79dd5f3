"""How an engine says how far it is, hands over sound that is ready, and learns that it should stop."""

from collections.abc import Callable
from dataclasses import dataclass

from song.audio import Audio

Progress = Callable[[float, str], None]
"""`progress(fraction, stage)`: fraction 0-1, stage a word or two for the user. Raises `Cancelled`."""


@dataclass(frozen=True)
class Aloud:
    """A progress whose owner also wants to hear the song while it is made; see `sounds`."""

    progress: Progress
    hear: Callable[[Audio], None]

    def __call__(self, fraction: float, stage: str) -> None:
        self.progress(fraction, stage)


def sounds(progress: Progress, audio: Audio) -> None:
    """Hand over sound that is settled, unmastered; it follows what was handed over before, at the same rate and with as
    many channels. Nobody need listen."""
    if isinstance(progress, Aloud):
        progress.hear(audio)


def quiet(progress: Progress) -> Progress:
    """The same progress for work that nobody should hear."""
    return progress.progress if isinstance(progress, Aloud) else progress


def silent(fraction: float, stage: str) -> None:
    """Progress that nobody watches and nobody cancels."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """A progress of its own for the part of the work from `start` to `end` (fractions of the whole)."""

    def inner(fraction: float, stage: str) -> None:
        progress(start + (end - start) * min(1.0, max(0.0, fraction)), stage)

    return Aloud(inner, progress.hear) if isinstance(progress, Aloud) else inner
