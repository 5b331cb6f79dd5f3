"""Words and a vocal -> when each line is sung.

Nobody here knows phones of fifty languages, so lines are told apart by what any language has: how many syllables a line
has, how long it takes to sing them, that a singer rests between lines, more between sections, and longest where a band
plays alone. Dynamic programming gives every line a run of what may be syllables, in their order, at the least cost. Of
the cost, the pace at which a section is sung is chosen along with the lines, since verses and choruses differ in it: a
segment model with its own duration, as speech has it (Ostendorf, Digalakis and Kimball 1996, "From HMM's to Segment
Models"), and the rests are those by which listeners part phrases (Cambouropoulos 2001, "The Local Boundary Detection
Model"). A line may be left out at a price, and so may singing that is in no line.

The prices were chosen on songs of the studio's own composer, whose words have an exact truth, see bench/align.py;
nobody here could try a human voice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.singing import Singing, level_of, singing
from song.audio import Audio
from song.errors import CannotMake
from song.lyrics import Line, Lyrics

BURIED = 15.0  # dB below the song at which a vocal is no voice, but what leaked
FIT = 0.8  # cost of a line up to which words and singing fit
_PACES = np.geomspace(0.15, 3.0, 16)  # of a line: its seconds, over its syllables to the power of _GROWS
_LOGS = np.log(_PACES)
_GROWS = 0.6  # a line of twice the syllables takes 1.5 times as long: both fill bars
_PACE, _CHANGE = 2.0, 0.3  # price of a line off its section's pace (squared), and of another pace; logarithms
_COUNT = 0.3  # and of syllables heard over those written (squared)
_BOUND, _BREATH = 1.2, 0.5  # price of a line that begins without a rest; seconds of rest that make it a third
_SECTION, _PAUSE, _SOLO = 0.6, 1.0, 4.0  # the same for what begins a section, and what follows an instrumental one
_INSIDE, _FREE = 0.5, 0.25  # price of a second's rest inside a line, and how much of each is free
_LONGEST_REST = 2.5  # seconds that count of one
_UNASKED, _UNSUNG = 0.2, 1.5  # price of a syllable that is in no line, and of a line that nobody sings
_MOST = 400  # syllables of a line


def aligned(lyrics: Lyrics, counts: Sequence[int], vocal: Audio, song: Audio) -> Lyrics:
    """The same words with the seconds at which they are sung. `counts` are the syllables of each line; `song` is what
    the vocal was taken out of. Raises CannotMake with the reason where that is not sure."""
    sung = singing(vocal)
    if not len(sung.starts) or sung.level < level_of(song) - BURIED:
        raise CannotMake("Hardly anything is sung in this song's vocal, so the times of its lines stay estimated.")
    if len(sung.starts) < len(lyrics.lines):
        raise CannotMake("Less is sung in this song than its words have lines, so their times stay estimated.")
    runs, cost = assigned(sung, np.maximum(1, counts), _openings(lyrics))
    if cost > FIT:
        raise CannotMake("What is sung does not fit the words well enough, so the times of the lines stay estimated.")
    return _timed(lyrics, _seconds(sung, runs))


def _openings(lyrics: Lyrics) -> list[int]:
    """What each line begins: 0 nothing, 1 a section, 2 a section after one without words."""
    found, alone = [], False
    for section in lyrics.sections:
        found += [2 if alone else 1, *[0] * (len(section.lines) - 1)] if section.lines else []
        alone = not section.lines
    return found


Run = tuple[int, int]  # first and last syllable of a line, `last` exclusive; the same twice where it is not sung


def assigned(sung: Singing, counts: np.ndarray, openings: Sequence[int]) -> tuple[list[Run], float]:
    """The syllables of every line, and what that costs a line."""
    chart, notes = _Chart.of(sung, counts), len(sung.starts)
    best = np.full((len(_PACES), notes + 1), np.inf)
    best[:, 0] = 0
    steps = []
    for count, opening in zip(counts, openings, strict=True):
        best, step = chart.line(best, int(count), opening)
        steps.append(step)
    ends = best + _UNASKED * (notes - np.arange(notes + 1))
    pace, place = (int(one) for one in np.unravel_index(ends.argmin(), ends.shape))
    runs = list(_followed(steps, pace, place))[::-1]
    return runs, float(ends.min()) / len(counts)


@dataclass(frozen=True, eq=False)
class _Chart:
    """What does not depend on the line: arrays over the syllables heard (notes,), or over runs (notes, lengths), by
    their last syllable and how many they are."""

    density: float  # syllables heard for each that is written
    starts: np.ndarray
    ends: np.ndarray
    rests: np.ndarray
    inside: np.ndarray  # (notes + 1,) price of all rests before each

    @classmethod
    def of(cls, sung: Singing, counts: np.ndarray) -> "_Chart":
        priced = _INSIDE * np.clip(sung.rests - _FREE, 0, _LONGEST_REST)
        return cls(len(sung.starts) / counts.sum(), sung.starts, sung.ends, sung.rests, np.r_[0, np.cumsum(priced)])

    def line(self, best: np.ndarray, count: int, opening: int) -> tuple[np.ndarray, Any]:
        """`best` (paces, notes + 1) is the least cost of all lines before, by their pace and where they end. The same
        with this line, and how it came to be."""
        best, changed = _another_pace(best) if opening else (best, None)
        waited, since = _waited(best)
        first, cost = self._runs(count)
        begun = waited[:, :-1] + self._beginning(opening)
        took = np.log(np.maximum(0.05, self.ends[:, None] - self.starts[first]))
        wanted = _LOGS + _GROWS * np.log(count)
        total = begun[:, first] + cost + _PACE * (took - wanted[:, None, None]) ** 2  # (paces, notes, lengths)
        least, lengths = best + _UNSUNG, np.zeros(best.shape, np.int16)
        sung = total.min(axis=2) < least[:, 1:]
        lengths[:, 1:] = np.where(sung, total.argmin(axis=2) + 1, 0)
        least[:, 1:] = np.where(sung, total.min(axis=2), least[:, 1:])
        return least, (changed, since, lengths)

    def _runs(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """First syllables of all runs that a line of `count` syllables may have, and what each costs by itself."""
        wanted = count * self.density
        notes = len(self.starts)
        lengths = np.arange(1, min(notes, _MOST, int(3 * wanted) + 12) + 1)
        first = np.arange(1, notes + 1)[:, None] - lengths
        cost = _COUNT * np.log((lengths + 0.5) / (wanted + 0.5)) ** 2
        rests = self.inside[1:, None] - self.inside[np.maximum(first, 0) + 1]
        return np.maximum(first, 0), np.where(first < 0, np.inf, cost + rests).astype(np.float32)

    def _beginning(self, opening: int) -> np.ndarray:
        """What it costs a line to begin with each syllable: most where the singer does not rest before."""
        cost = _BOUND * np.exp(-self.rests / _BREATH)
        for seconds in (_PAUSE, _SOLO)[:opening]:
            cost = cost + _SECTION * np.exp(-self.rests / seconds)
        return cost


def _another_pace(best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least cost if the pace may change here, and from which it did."""
    ways = best + (_CHANGE * np.abs(np.subtract.outer(_LOGS, _LOGS)))[:, :, None]
    return ways.min(axis=1), ways.argmin(axis=1).astype(np.int16)


def _waited(best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least cost at each place if syllables may pass in no line, and the place since which they do."""
    price = _UNASKED * np.arange(best.shape[1])
    least = np.minimum.accumulate(best - price, axis=1)
    here = np.where(best - price <= least, np.arange(best.shape[1]), 0)
    return least + price, np.maximum.accumulate(here, axis=1).astype(np.int32)


def _followed(steps: list[Any], pace: int, place: int) -> Iterator[Run]:
    """The runs of the best way, from the last line to the first."""
    for changed, since, lengths in reversed(steps):
        first = place - int(lengths[pace, place])
        yield first, place
        place = int(since[pace, first]) if first < place else place
        pace = int(changed[pace, place]) if changed is not None else pace


def _seconds(sung: Singing, runs: list[Run]) -> Iterator[tuple[float, float]]:
    """Start and end of every line; one that nobody sings stands where the one before it ends."""
    for first, last in runs:
        end = float(sung.ends[last - 1]) if last else 0.0
        yield (float(sung.starts[first]) if first < last else end), end


def _timed(lyrics: Lyrics, seconds: Iterator[tuple[float, float]]) -> Lyrics:
    sections = []
    for section in lyrics.sections:
        lines = tuple(Line(line.text, *(round(at, 3) for at in next(seconds))) for line in section.lines)
        sections.append(replace(section, lines=lines))
    return Lyrics(tuple(sections), "aligned")
