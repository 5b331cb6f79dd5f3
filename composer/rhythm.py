"""Rhythm: rows of characters -> hits in any meter -> notes with a human sense of time.

A row is in sixteenths, in 4/4 or in the meter that stands in front of it (see `composer.style`). A meter that has no
row of its own takes the steps of another, beat by beat: 3/4 keeps the first, second and last beat of 4/4, 5/4 plays
three and two, 7/8 two and two and three eighths, 6/8 two beats that are stretched to three eighths, and back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from composer.style import Groove
from song.score import Note

STEPS_PER_BEAT = 4  # sixteenths in a quarter note
_COMPOUND = (0, None, 1, None, 2, 3)  # where each sixteenth of a dotted quarter comes from in a straight beat
_REST, _TIE = ".", "-"


@dataclass(frozen=True, slots=True)
class Hit:
    """One mark of a row: `step` from the start of the row, `length` in steps, what was written."""

    step: float
    length: float
    mark: str


@dataclass(frozen=True, slots=True)
class Stroke:
    """A note before it is played: where it is written, in steps from the start of its section."""

    step: float
    length: float
    pitch: int
    velocity: float
    lag: float = 0.0  # milliseconds behind its chord: a strum or a roll
    lane: str = ""


def steps_in_bar(meter: tuple[int, int]) -> int:
    """Sixteenths in a bar: 16 in 4/4, 12 in 3/4 and 6/8."""
    return meter[0] * 16 // meter[1]


def pulses(meter: tuple[int, int]) -> tuple[int, ...]:
    """The steps on which a bar is felt."""
    if meter[1] == 4:
        return tuple(range(0, steps_in_bar(meter), 4))
    return (0, 6) if meter == (6, 8) else (0, 4, 8)


def split(row: str) -> tuple[tuple[int, int] | None, str]:
    """(the meter a row is written in, or None for 4/4; the rest of the row)."""
    head, colon, rest = row.partition(":")
    if not colon:
        return None, row
    above, below = head.strip().split("/")
    meter = (int(above), int(below))
    return (None if meter == (4, 4) else meter), rest.strip()


def fitting(rows: Sequence[str], meter: tuple[int, int]) -> tuple[str, ...]:
    """Rows written for a meter, where there are any; else those of 4/4, else all, to be carried over."""
    return _fitting(tuple(rows), meter)


@lru_cache(maxsize=4096)
def _fitting(rows: tuple[str, ...], meter: tuple[int, int]) -> tuple[str, ...]:
    own = tuple(row for row in rows if (split(row)[0] or (4, 4)) == meter)
    return own or tuple(row for row in rows if split(row)[0] is None) or rows


@lru_cache(maxsize=64)
def sources(meter: tuple[int, int], bar: int, fill: bool = False) -> tuple[int | None, ...]:
    """Which step of a 4/4 row each step of a bar takes. Fills keep the end of their row, grooves the start."""
    steps = steps_in_bar(meter)
    if meter == (6, 8):
        half = 2 if fill or bar % 2 else 0
        return tuple(None if at is None else 4 * (half + beat) + at for beat in range(2) for at in _COMPOUND)
    if meter == (2, 4):
        start = 8 if fill or bar % 2 else 0
        return tuple(range(start, start + 8))
    if fill:
        return tuple(range(16 - steps, 16)) if steps <= 16 else tuple(range(4)) + tuple(range(16))
    if meter == (5, 4):
        return tuple(range(12)) + tuple(range(8, 16))
    if meter == (3, 4):
        return (*range(8), *range(12, 16))
    return tuple(range(steps))


_TO_FOUR: dict[tuple[int, int], tuple[int | None, ...]] = {  # steps of a bar (2/4, 6/8: of two) that make one of 4/4
    (2, 4): tuple(range(16)),
    (3, 4): (*range(8), *range(4), *range(8, 12)),
    (5, 4): (*range(8), *range(12, 20)),
    (6, 8): tuple(6 * beat + at for beat in range(4) for at in (0, 2, 4, 5)),
    (7, 8): (*range(14), None, None),
}


def _straight(text: str, meter: tuple[int, int]) -> str:
    """A row of another meter in 4/4."""
    width = steps_in_bar(meter) * (2 if meter in ((2, 4), (6, 8)) else 1)
    text = text * 2 if len(text) % width else text
    bars = (text[at : at + width] for at in range(0, len(text), width))
    return "".join(_TIE if at is None else bar[at] for bar in bars for at in _TO_FOUR[meter])


def carried(text: str, source: tuple[int, int] | None, meter: tuple[int, int], fill: bool = False) -> str:
    """A row of the meter `source` (None: 4/4), without its prefix, cut or stretched to the bars of `meter`."""
    if (source or (4, 4)) == meter:
        return text
    text = _straight(text, source) if source else text
    if meter == (4, 4):
        return text
    bars = [text[at : at + 16] for at in range(0, len(text), 16)]
    if len(bars) == 1 and meter in ((6, 8), (2, 4)) and not fill:
        bars *= 2  # a bar of 4/4 becomes two
    taken = []
    for number, bar in enumerate(bars[-1:] if fill else bars):
        taken.append("".join(_TIE if at is None else bar[at] for at in sources(meter, number, fill)))
    return "".join(taken)


@lru_cache(maxsize=16384)
def bars_of(
    row: str, meter: tuple[int, int], rolls: bool = True, source: tuple[int, int] | None = None
) -> tuple[tuple[Hit, ...], ...]:
    """The hits of a row, bar by bar. The row's meter stands in front of it, or is given as `source`.

    Digits are rolls for drums; in bass rows and arpeggios they are marks like any other.
    """
    own, text = split(row)
    text = carried(text, own or source, meter)
    width = steps_in_bar(meter)
    hits = _read(text, rolls)
    count = max(1, len(text) // width)
    return tuple(
        tuple(
            Hit(hit.step - bar * width, hit.length, hit.mark)
            for hit in hits
            if bar * width <= hit.step < (bar + 1) * width
        )
        for bar in range(count)
    )


@lru_cache(maxsize=4096)
def bars_of_fill(row: str, meter: tuple[int, int], source: tuple[int, int] | None = None) -> tuple[Hit, ...]:
    """A fill's hits: it keeps the end of its row, so that it leads into the next bar in every meter."""
    width = steps_in_bar(meter)
    return _read(carried(row, source, meter, fill=True)[-width:])


def _read(text: str, rolls: bool = True) -> tuple[Hit, ...]:
    hits: list[Hit] = []
    at = 0
    while at < len(text):
        mark = text[at]
        end = at + 1
        if mark in (_REST, _TIE):
            at = end
            continue
        while end < len(text) and text[end] == _TIE:
            end += 1
        if rolls and mark.isdigit() and mark >= "2":
            count = int(mark)
            hits += [Hit(at + i * (end - at) / count, (end - at) / count, "x") for i in range(count)]
        else:
            hits.append(Hit(at, end - at, mark))
        at = end
    return tuple(hits)


def swung(steps: np.ndarray, groove: Groove, meter: tuple[int, int]) -> np.ndarray:
    """Steps moved by the swing of a groove. Compound meters already lilt, so they stay as written."""
    if groove.swing == 0.5 or meter == (6, 8):
        return steps
    bar = steps_in_bar(meter)
    pair = 2.0 * groove.swing_steps
    inside = np.mod(steps, bar)
    whole = np.floor(inside / pair + 1e-9) * pair
    part = (inside - whole) / pair
    bent = np.where(part < 0.5, part * 2 * groove.swing, groove.swing + (part - 0.5) * 2 * (1 - groove.swing))
    paired = whole + pair <= bar + 1e-9  # an odd eighth at the end of 7/8 has no partner
    return steps + np.where(paired, (bent - part) * pair, 0.0)


@dataclass(frozen=True)
class Feel:
    """How a band plays: its groove at a tempo, and how human it is (0 puts every note on the swung grid)."""

    groove: Groove
    bpm: float
    meter: tuple[int, int]
    humanize: float

    def play(
        self,
        strokes: Sequence[Stroke],
        start: float,
        end: float,
        rng: np.random.Generator,
        role: str,
        gate: float = 1.0,
        apart: float = 0.0,
    ) -> list[Note]:
        """Strokes of a section as notes in beats, kept between the section's `start` and `end`.

        All notes of a chord share one deviation; a stroke's own lag comes on top. `gate` is the part of a length that
        sounds, `apart` the seconds that are left free before the next note.
        """
        if not strokes:
            return []
        steps = np.array([stroke.step for stroke in strokes], float)
        bound = np.array([stroke.lane == "slide" for stroke in strokes])  # slides touch the next note
        ends = steps + np.array([stroke.length for stroke in strokes]) * np.where(bound, 1.0, gate)
        onsets, which = np.unique(np.round(steps, 4), return_inverse=True)
        late = self._late(strokes, steps, role)
        late += rng.normal(0, self.groove.loose * 0.5, len(onsets))[which]
        late += np.array([stroke.lag for stroke in strokes])
        begin = start + swung(steps, self.groove, self.meter) / STEPS_PER_BEAT + late * self._beats_per_ms()
        begin = np.clip(begin, start, end - 0.06)
        finish = start + swung(ends, self.groove, self.meter) / STEPS_PER_BEAT
        length = np.maximum(np.minimum(finish, end - 0.02) - begin, 0.03)
        if apart:  # seconds of air before the next note, so that no synth slides where nobody wrote a slide
            length = np.where(bound, length, np.maximum(length - apart * self.bpm / 60, length * 0.6))
        touch = rng.normal(0, self.groove.touch * self.humanize, len(strokes))
        loud = np.array([stroke.velocity for stroke in strokes]) * self._accents(steps) + touch
        loud = np.clip(np.rint(loud), 1, 127).astype(int).tolist()
        begin, length = np.round(begin, 5).tolist(), np.round(length, 5).tolist()
        return [Note(s.pitch, v, b, d) for s, v, b, d in zip(strokes, loud, begin, length, strict=True)]

    def _beats_per_ms(self) -> float:
        return self.humanize * self.bpm / 60000

    def _late(self, strokes: Sequence[Stroke], steps: np.ndarray, role: str) -> np.ndarray:
        late = self.groove.late
        push = np.array(self.groove.push, float)[
            np.mod(np.floor(steps + 1e-6), steps_in_bar(self.meter)).astype(int) % 16
        ]
        return push + np.array(
            [late.get(role if stroke.lane in ("", "slide") else stroke.lane, 0.0) for stroke in strokes], float
        )

    def _accents(self, steps: np.ndarray) -> np.ndarray:
        """Velocity factors by the place in the bar."""
        accents = np.array(self.groove.accent)
        table = [1.0 if at is None else accents[at % 16] for at in sources(self.meter, 0)]
        return np.array(table)[np.mod(np.floor(steps + 1e-6), len(table)).astype(int)]
