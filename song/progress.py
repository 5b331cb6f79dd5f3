"""How an engine says how far it is, and learns that it should stop."""

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""`progress(fraction, stage)`: fraction 0-1, stage a word or two for the user. Raises `Cancelled`."""


def silent(fraction: float, stage: str) -> None:
    """Progress that nobody watches and nobody cancels."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """A progress of its own for the part of the work from `start` to `end` (fractions of the whole)."""

    def inner(fraction: float, stage: str) -> None:
        progress(start + (end - start) * min(1.0, max(0.0, fraction)), stage)

    return inner
