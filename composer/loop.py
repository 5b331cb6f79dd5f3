"""A few bars of a song as a loop: played over and over, and one time cut out that begins in the tail of the one before.

What rings on at the loop's end is therefore in its head already, the room and the compressor's hold included, and
nothing has to be faded. Instruments do not repeat themselves to the sample (strings are plucked by chance), so the last
hundredth of a second goes over into that of the time before, which its head really follows: no sample jumps.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from composer.plan import Plan, Section
from song.audio import Audio
from song.errors import BadRequest
from song.score import Note, Score

TAIL = 4.0  # seconds: what rings longer is not heard any more
EARLY = 0.1  # beats: what a player comes in before a barline belongs to the bar behind it
HELD = 0.5  # beats: what sounds at least so far into the loop is struck again at its start
JOIN = 0.01  # seconds
MOST_BARS = 8  # of a loop that nobody chose


@dataclass(frozen=True)
class Bars:
    """A stretch of bars: the first, 0-based, and how many."""

    first: int
    count: int


def chosen(plan: Plan, bar: int | None = None, bars: int | None = None) -> Bars:
    """The bars asked for, `bar` counted from 1; left out, those of the liveliest section. Raises BadRequest."""
    lively = max(plan.sections, key=lambda section: section.energy)
    first = lively.start if bar is None else bar - 1
    if not 0 <= first < plan.bars:
        raise BadRequest("bar", f"this song has bars 1 to {plan.bars}; choose one of them")
    left = (lively.bars if bar is None else plan.bars - first) if bars is None else bars
    count = min(left, MOST_BARS) if bars is None else left
    if not 1 <= count <= plan.bars - first:
        raise BadRequest("bars", f"from bar {first + 1} on there are 1 to {plan.bars - first}; ask for so many")
    return Bars(first, count)


def repeated(plan: Plan, score: Score, span: Bars) -> tuple[Plan, Score]:
    """Plan and score of these bars over and over: as often as a tail rings on, the loop itself, and once more."""
    times = math.ceil(TAIL / (span.count * plan.bar_seconds)) + 2
    start, beats = span.first * plan.beats_per_bar, span.count * plan.beats_per_bar
    offsets = [time * beats - start for time in range(times)]
    sections = [
        replace(one, start=one.start + time * span.count) for time in range(times) for one in _sections(plan, span)
    ]
    tracks = [
        replace(track, notes=tuple(_moved(note, by) for by in offsets for note in _inside(track.notes, start, beats)))
        for track in score.tracks
    ]
    lyrics = [(at + by, words) for by in offsets for at, words in score.lyrics if start <= at + EARLY < start + beats]
    over = replace(
        plan,
        sections=tuple(sections),
        duration=times * span.count * plan.bar_seconds,
        ending="ring",
        lyrics=None,
        levels=tuple(
            (role, max(a, start) + by, min(b, start + beats) + by, db)
            for by in offsets
            for role, a, b, db in plan.levels
        ),
    )
    played = tuple(track for track in tracks if track.notes)
    return over, replace(score, beats=times * beats, tracks=played, markers=(), chords=(), lyrics=tuple(lyrics))


def _sections(plan: Plan, span: Bars) -> list[Section]:
    """What of each section lies in the span, counted from its start."""
    last = span.first + span.count
    cut = [(max(one.start, span.first), min(one.start + one.bars, last), one) for one in plan.sections]
    return [replace(one, start=a - span.first, bars=b - a) for a, b, one in cut if b > a]


def _inside(notes: tuple[Note, ...], start: float, beats: float) -> list[Note]:
    """The notes of the span; they end with it, and what was held into it is struck again."""
    end = start + beats
    held = [replace(note, start=start, duration=note.end - start) for note in notes
            if note.start + EARLY < start and note.end >= start + HELD]  # fmt: skip
    struck = [note for note in notes if start <= note.start + EARLY < end]
    return [replace(note, duration=min(note.duration, end - note.start)) for note in [*held, *struck]]


def _moved(note: Note, by: float) -> Note:
    return replace(note, start=max(0.0, note.start + by))


def cut(sound: Audio, plan: Plan, span: Bars) -> Audio:
    """The last time but one of the sound of `repeated`, to the sample nearest to its barlines."""
    whole = span.count * plan.bar_seconds * sound.sample_rate
    start, frames = round(plan.duration * sound.sample_rate - 2 * whole), round(whole)
    join = round(JOIN * sound.sample_rate)
    loop = sound.samples[:, start : start + frames].copy()
    rise = np.linspace(0, 1, join, endpoint=False, dtype=np.float32)
    loop[:, -join:] = loop[:, -join:] * (1 - rise) + sound.samples[:, start - join : start] * rise
    return Audio(loop, sound.sample_rate)


def seam_db(loop: Audio) -> float:
    """How far the sound jumps from the last sample to the first, against its largest step in the 50 ms around, in dB.
    Up to 0 it is a step like any other."""
    near = loop.sample_rate // 40
    around = np.concatenate([loop.samples[:, -near:], loop.samples[:, :near]], axis=1)
    steps = np.abs(np.diff(around, axis=1))
    jump = float(steps[:, near - 1].max())
    steps[:, near - 1] = 0
    return round(20 * float(np.log10((jump + 1e-9) / (float(steps.max()) + 1e-9))), 1)
