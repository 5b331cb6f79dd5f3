"""Heard: what listening to a song found, with a confidence each. Of our own takes it is what their plan says.

Conventions: seconds from the start of the audio, confidence 0-1, pitch as MIDI number.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict

from song.chart import Bar, ChordName, read_symbol

_LOOPS = (1, 2, 4, 8)  # bars after which chords come round again
_SHOWN = 8  # bars of chords that a sentence can hold
_LINE = 4  # bars in a line of a chart
_NEAR = 0.05  # seconds by which a section may miss its barline

LISTENER = "4"  # changes whenever the same sound would be heard otherwise


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True)


class HeardChord(_Found):
    """A chord as musicians write it, "Am" or "F"; "N" where none sounds."""

    start: float
    end: float
    symbol: str
    confidence: float


class HeardSection(_Found):
    """A stretch of the song; those of one label are alike."""

    start: float
    end: float
    label: str
    confidence: float


class HeardNote(_Found):
    """A note of the melody."""

    start: float
    end: float
    pitch: int
    confidence: float


class Heard(_Found):
    """What a listener would write down. `beats` and `downbeats` reach over the whole song."""

    duration: float
    bpm: float  # quarter notes in a minute
    bpm_confidence: float
    meter: str  # "4/4"
    meter_confidence: float
    beats: tuple[float, ...]
    beat_confidence: float
    downbeats: tuple[float, ...]
    downbeat_confidence: float
    key: str  # "A minor"
    key_confidence: float
    chords: tuple[HeardChord, ...]
    sections: tuple[HeardSection, ...]
    melody: tuple[HeardNote, ...]
    lufs: float

    def bars(self) -> tuple[Bar, ...]:
        """The chords bar by bar from the first downbeat, one slot a beat."""
        edges = [*self.downbeats, self.duration]
        if len(edges) > 2 and edges[-1] - edges[-2] < 0.5 * (edges[1] - edges[0]):
            edges.pop()  # less than half a bar is left after the last downbeat
        above, below = (int(part) for part in self.meter.split("/"))
        slots = max(1, round(above * 4 / below))
        return tuple(Bar(tuple(self._slots(start, end, slots))) for start, end in pairwise(edges))

    def grid(self) -> str:
        """The chords as a chart: four bars a line."""
        return _written(self.bars())

    def chart(self) -> str:
        """The chords section by section, each name once, as it is first heard."""
        first = {one.label: one for one in reversed(self.sections)}
        bars = list(zip(self.downbeats, self.bars(), strict=False))
        spans = sorted((one.start, one.end, name) for name, one in first.items())
        passages = [(name, [bar for at, bar in bars if a - _NEAR <= at < b - _NEAR]) for a, b, name in spans]
        return "\n".join(f"[{name}]\n{_written(inside)}" for name, inside in passages if inside)

    def words(self) -> str:
        """What was heard, in one sentence that asks to be corrected."""
        cells = [str(bar) for bar in self.bars()]
        first = cells[:_SHOWN]
        period = next((size for size in _LOOPS if (first[:size] * _SHOWN)[: len(first)] == first), _SHOWN)
        more = " ..." if period == _SHOWN < len(cells) else ""
        chords = f"| {' | '.join(cells[:period])} |{more}" if cells else "no chords"
        return f"I hear {self.bpm:.4g} bpm, {self.key}, {self.meter}, {chords}; correct me."

    def _slots(self, start: float, end: float, count: int) -> list[ChordName]:
        """The chord in the middle of each of `count` equal parts of a bar."""
        step = (end - start) / count
        return [read_symbol(self.chord_at(start + (place + 0.5) * step)) for place in range(count)]

    def chord_at(self, seconds: float) -> str:
        """The symbol that sounds at a time; "N" where none does."""
        return next((one.symbol for one in self.chords if one.start <= seconds < one.end), "N")


def _written(bars: Sequence[Bar]) -> str:
    """Bars as a chart, four a line."""
    cells = [str(bar) for bar in bars]
    lines = [cells[place : place + _LINE] for place in range(0, len(cells), _LINE)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def joined(pieces: Sequence[tuple[Heard, float, float, float]], like: Heard, duration: float) -> Heard:
    """One `Heard` for a song put together from (heard, from, to, at): its seconds from-to sound from `at` on. Tempo,
    key and confidence are those of `like`."""
    times: dict[str, list[float]] = {"beats": [], "downbeats": []}
    spans: dict[str, list[Any]] = {"chords": [], "sections": [], "melody": []}
    for heard, start, end, at in pieces:
        for name, found in times.items():
            found += [round(at + time - start, 6) for time in getattr(heard, name) if start - 1e-3 <= time < end - 1e-3]
        for name, members in spans.items():
            for one in getattr(heard, name):
                low, high = max(start, one.start), min(end, one.end)
                if high - low > 1e-3:
                    moved = {"start": round(at + low - start, 6), "end": round(at + high - start, 6)}
                    members.append(one.model_copy(update=moved))
    changed = {name: tuple(found) for name, found in [*times.items(), *spans.items()]}
    return like.model_copy(update={"duration": duration, **changed})
