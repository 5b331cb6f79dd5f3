"""Themes: the rhythms and contours that a letter of the song is made of, before they have pitches."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from composer.chance import chance
from composer.rhythm import bars_of, carried, split, steps_in_bar
from composer.style import Lead

Meter = tuple[int, int]

_CADENCES = (
    "x-----------....",
    "x---x-------....",
    "x-x-x-------....",
    "x-----x-----....",
    "x--x--x-----....",
    "..x-x-------....",
)
_COMPOUND_CELLS = ("x---x-", "x-----", "x-x-x-", "x-x---", "......", "x---xx", "..x-x-", "x-----------")  # 6/8


@dataclass(frozen=True)
class Motif:
    """A bar's rhythm as a row in the song's meter, and how it moves: scale steps from note to note."""

    row: str
    contour: tuple[int, ...]


@dataclass(frozen=True)
class Theme:
    """What a letter of the song sings: an idea, its answer, its cadences, their order, and the notes of its pickup."""

    idea: Motif
    answer: Motif
    half: Motif
    full: Motif
    shape: int
    pickup: int = 0


@lru_cache(maxsize=128)
def theme(lead: Lead, seed: int, letter: str, meter: Meter) -> Theme:
    """The theme of a letter. B answers A with longer notes where the style sings."""
    rng = chance(seed, "theme", letter)
    return invented(lead, lead.density * (0.85 if letter == "B" else 1.0), meter, rng)


def invented(lead: Lead, density: float, meter: Meter, rng: np.random.Generator) -> Theme:
    """A new theme: the most interesting of a few ideas, an answer to it, and two cadences."""
    ideas = [_motif(lead, density, meter, rng) for _ in range(4)]
    idea = max(ideas, key=lambda one: _interest(one, meter, density))
    answers = [_motif(lead, density * 0.9, meter, rng) for _ in range(4)]
    different = (one for one in answers if one.row != idea.row)
    answer = max(different, key=lambda one: _interest(one, meter, density), default=answers[0])
    half, full = (_cadence(meter, rng) for _ in range(2))
    shape = int(rng.integers(1000))
    pickup = int(rng.integers(1, 3)) if rng.random() < lead.pickup else 0
    return Theme(idea, answer, half, full, shape, pickup)


def _cells(lead: Lead, meter: Meter) -> tuple[str, ...]:
    """The rhythms that tunes are made of in a meter."""
    written = [split(cell) for cell in lead.cells]
    own = tuple(text for source, text in written if source == meter)
    plain = tuple(text for source, text in written if source is None)
    return own or (_COMPOUND_CELLS if meter == (6, 8) else plain or ("x---", "x-x-", "x--x"))


def _motif(lead: Lead, density: float, meter: Meter, rng: np.random.Generator) -> Motif:
    cells, width = _cells(lead, meter), steps_in_bar(meter)
    weights = np.array([_wanted(cell, density) / (1 + 0.12 * place) for place, cell in enumerate(cells)])
    row = ""
    while len(row) < width:
        fits = np.array([len(cell) + len(row) <= width for cell in cells])
        if not fits.any():  # the odd eighth of 7/8
            row += ("x-" if rng.random() < 0.5 else "--") * ((width - len(row)) // 2)
            continue
        odds = weights * fits
        row += cells[int(rng.choice(len(cells), p=odds / odds.sum()))]
    if _count(row) < 2:
        row = carried("x-----x-x-------" if density > 0.4 else "x-------x-------", None, meter)[:width]
    return Motif(row, _contour(_count(row), rng))


def _wanted(cell: str, density: float) -> float:
    """How well a rhythm suits a density: notes per quarter note from none (0) to four (1)."""
    busy = sum(mark not in "-." for mark in cell) / len(cell) * 4
    return math.exp(-(((busy - density * 3.2) / 1.1) ** 2)) + 0.02


def _count(row: str) -> int:
    return sum(mark not in "-." for mark in row)


def _contour(count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """A line of steps with an occasional leap, which the next step takes back."""
    moves: list[int] = []
    direction = 1 if rng.random() < 0.55 else -1
    for _ in range(count):
        if moves and abs(moves[-1]) >= 2:
            direction = -1 if moves[-1] > 0 else 1
            size = 1
        else:
            size = int(rng.choice((0, 1, 2, 3, 4), p=(0.1, 0.6, 0.17, 0.08, 0.05)))
            direction = -direction if rng.random() < 0.33 else direction
        moves.append(direction * size)
    return tuple(moves)


def _interest(motif: Motif, meter: Meter, density: float) -> float:
    """Prefer a rhythm with a face: mixed lengths, a syncopation, not too many notes, a curve that turns."""
    hits = bars_of(motif.row, meter, source=meter)[0]
    lengths = {hit.length for hit in hits}
    offbeats = sum(hit.step % 4 == 2 for hit in hits) + 0.5 * sum(hit.step % 2 == 1 for hit in hits)
    turns = sum(a * b < 0 for a, b in pairwise(motif.contour))
    return len(lengths) + min(offbeats, 2) * 0.6 + min(turns, 2) * 0.5 - max(0, len(hits) - 4.5 - 5 * density) * 0.5


def _cadence(meter: Meter, rng: np.random.Generator) -> Motif:
    row = carried(_CADENCES[int(rng.integers(len(_CADENCES)))], None, meter)[: steps_in_bar(meter)]
    return Motif(row, tuple(int(rng.choice((-1, 1, -2), p=(0.65, 0.25, 0.1))) for _ in range(_count(row))))
