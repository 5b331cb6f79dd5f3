"""Voicing: chord symbols -> the pitches that hands would play, led smoothly from chord to chord.

The best path through all candidate voicings is found by dynamic programming (Viterbi): the cost of a step is how far
the voices move, the cost of a voicing how muddy, wide or far from the middle of the instrument it is.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from composer.harmony import Harmony

Voices = tuple[int, ...]


def lead_voices(chords: Sequence[Harmony], kind: str, low: int, high: int, center: float) -> list[Voices]:
    """One voicing per chord, low to high, inside `low`..`high` and around `center`. `kind` as in `Style.voicings`."""
    tables = [candidates(harmony.root, harmony.intervals, kind, low, high) for harmony in chords]
    cost = _standing(tables[0], center) if tables else np.zeros(0)
    back: list[np.ndarray] = []
    for before, after in pairwise(tables):
        total = cost[:, None] + _moves(before, after)
        back.append(total.argmin(axis=0))
        cost = total.min(axis=0) + _standing(after, center)
    if not tables:
        return []
    path = [int(cost.argmin())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return [table[place] for table, place in zip(tables, reversed(path), strict=True)]


@lru_cache(maxsize=8192)
def candidates(root: int, intervals: tuple[int, ...], kind: str, low: int, high: int) -> tuple[Voices, ...]:
    """All voicings of a chord that the instrument can reach; never empty."""
    found: set[Voices] = set()
    for stack in _stacks(intervals, kind):
        for octave in range(0, 120, 12):
            voices = tuple(sorted(root + octave + step for step in stack))
            if voices[0] >= low and voices[-1] <= high:
                found.add(voices)
    if found:
        return tuple(sorted(found))
    return (_squeezed(root, intervals[:3], low, high),)


def _squeezed(root: int, intervals: tuple[int, ...], low: int, high: int) -> Voices:
    """A chord for an instrument too small for its voicings: each tone in the lowest octave that it has."""
    voices = {low + (root + interval - low) % 12 for interval in intervals}
    return tuple(sorted(voice for voice in voices if voice <= high)) or (low + (root - low) % 12,)


def _stacks(intervals: tuple[int, ...], kind: str) -> list[tuple[int, ...]]:
    """Shapes above a root, by kind, with all their inversions."""
    if kind == "power":
        fifth = next((step for step in intervals if step in (6, 7, 8)), 7)
        return [(0, fifth), (0, fifth, 12)]
    if kind == "strum":
        return _strummed(intervals)
    if kind == "triad" or len(intervals) <= 3:
        closed = _inversions(intervals[:3])
        return [_wide(shape) for shape in closed] + [_opened(shape) for shape in closed] if kind == "spread" else closed
    if kind == "rootless":
        return _rootless(intervals)
    if kind == "spread":
        kept = (0, *intervals[1:3], *intervals[3:5])
        return [_opened(shape) for shape in _inversions(kept)] + [
            _dropped(shape) for shape in _inversions(intervals[:4])
        ]
    kept = intervals if len(intervals) <= 4 else (0, *intervals[1:2], *intervals[3:5])
    shapes = _inversions(kept)
    return [_dropped(shape) for shape in shapes] if kind == "drop2" else shapes


def _strummed(intervals: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Five strings of a guitar, as its barre and open chords have them: the third may lie high, the root is doubled."""
    third = intervals[1]
    fifth = next((step for step in intervals if step in (6, 7, 8)), third)
    colour = intervals[3] if len(intervals) > 3 else 12
    barre, open_ = {0, fifth, colour, third + 12, fifth + 12}, {0, third, fifth, colour, third + 12}
    return [tuple(sorted(barre)), tuple(sorted(open_))]


def _rootless(intervals: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Four voices without the root, which the bass has; the fifth goes first where there are more."""
    kept = intervals[1:] if len(intervals) > 4 else intervals
    kept = tuple(step for step in kept if step != 7)[-4:] if len(kept) > 4 else kept
    shapes = _inversions(kept)
    return shapes + [_dropped(shape) for shape in shapes if len(shape) > 3]


def _inversions(intervals: tuple[int, ...]) -> list[tuple[int, ...]]:
    close = sorted({step % 12 for step in intervals})
    return [tuple(close[i:] + [step + 12 for step in close[:i]]) for i in range(len(close))]


def _dropped(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Drop 2: the second voice from the top goes down an octave."""
    return tuple(sorted((*shape[:-2], shape[-2] - 12, shape[-1])))


def _opened(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Every second voice goes up an octave."""
    return tuple(sorted(step + (12 if place % 2 else 0) for place, step in enumerate(shape)))


def _wide(triad: tuple[int, ...]) -> tuple[int, ...]:
    """A triad over two octaves, as a string section plays it: outer voices double, the inner ones lie apart."""
    return (triad[0], triad[2], triad[1] + 12, triad[0] + 24)


def _standing(table: tuple[Voices, ...], center: float) -> np.ndarray:
    return (
        np.array([_ugliness(voices) for voices in table])
        + np.array([0.12 * abs(sum(v) / len(v) - center) for v in table]) * 1.5
    )


@lru_cache(maxsize=65536)
def _ugliness(voices: Voices) -> float:
    """Mud and bite: close intervals down low, a semitone under the tune, a ninth that rubs."""
    cost = 0.0
    for a, b in pairwise(voices):
        gap = b - a
        cost += (2.0 if a < 48 and gap < 7 else 0.0) + (0.8 if a < 55 and gap < 3 else 0.0) + (0.6 if gap > 12 else 0.0)
        cost += 0.7 if gap == 1 else 0.0
    if len(voices) > 1:
        cost += 1.5 if voices[-1] - voices[-2] == 1 else 0.0
        cost += 1.5 if voices[1] - voices[0] == 1 else 0.0
        cost += 1.2 if any((b - a) == 13 for i, a in enumerate(voices) for b in voices[i + 1 :]) else 0.0
    return cost


@lru_cache(maxsize=4096)
def _moves(before: tuple[Voices, ...], after: tuple[Voices, ...]) -> np.ndarray:
    """Cost of every step from one table to the next: total motion, and the top voice once more, since it is heard."""
    cost = np.empty((len(before), len(after)))
    for i, old in enumerate(before):
        for j, new in enumerate(after):
            motion = sum(min(abs(voice - other) for other in old) for voice in new)
            top = abs(new[-1] - old[-1])
            cost[i, j] = (
                motion * 0.5 + top * 0.35 + (1.5 if top > 5 else 0.0) + (0.4 if new == old and len(before) > 1 else 0.0)
            )
    return cost
