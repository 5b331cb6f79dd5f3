"""What the hands on the desk do while the song plays: filters, levels, width and reverb throws, section by section.

Each move is one value per GRID frames. How far a song goes is part of its character: some mixes hardly move, others do
all the time.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from composer.chance import chance
from composer.character import character
from composer.stanzas import BACKING, VOCALS
from composer.strip import GRID, OPEN_HERTZ
from song.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from composer.form import Section
    from composer.plan import Plan

STEADY = ("drums", "bass", "texture", VOCALS, BACKING)  # roles that no filter sweep touches
_QUIET = ("intro", "outro", "break", "breakdown", "bridge")
_BUILDS = ("build", "riser", "prechorus", "pre-chorus")
_PEAKS = ("drop", "chorus", "hook", "solo")
_TAP_SECONDS = 0.27  # over which every move is rounded


@dataclass(frozen=True, eq=False)
class Moves:
    """Arrays of (frames // GRID + 2,); `cutoff` is empty where no filter moves."""

    cutoff: np.ndarray  # hertz, of the parts above the rhythm
    level: np.ndarray  # gain of the parts above the rhythm
    width: np.ndarray  # factor of their sides
    throw: np.ndarray  # factor of what is sent to the room


def moves(plan: "Plan", frames: int) -> Moves:
    """The moves of a whole song."""
    count = frames // GRID + 2
    bars = np.arange(count) * GRID / SAMPLE_RATE / plan.bar_seconds
    whole = character(plan.style, plan.seed, plan.moods)
    rng = chance(plan.seed, plan.style, "automation")
    daring = float(rng.uniform(0.4, 1.3))  # how far this desk moves
    macro = 1.6 * 2 ** (-0.8 * whole.dense)  # decibels between a quiet and a loud section
    cutoff = np.full(count, np.log2(OPEN_HERTZ))
    level, width, throw = np.zeros(count), np.ones(count), np.ones(count)
    closes = bool(rng.random() < 0.6)  # whether intros begin behind a filter
    for section in plan.sections:
        inside = (bars >= section.start) & (bars < section.start + section.bars)
        through = (bars[inside] - section.start) / max(1, section.bars)
        cutoff[inside] = _cutoff(section, through, daring, closes)
        level[inside] = macro * 2 * (section.energy - 0.7)
        width[inside] = 1 + daring * _opening(section, through)
        throw[inside] = 1.5 if _named(section, _QUIET) else 1.0
    for section, after in pairwise(plan.sections):
        last = (bars >= after.start - 1.0 / max(1.0, plan.beats_per_bar)) & (bars < after.start)
        if after.energy > section.energy + 0.05 or _named(after, _QUIET):  # the last beat rings into what comes
            throw[last] = 1 + 1.6 * daring
    open_ = cutoff.min() >= np.log2(OPEN_HERTZ) - 1e-6
    return Moves(
        cutoff=np.zeros(0) if open_ else 2.0 ** _rounded(cutoff),
        level=10 ** (_rounded(level) / 20),
        width=_rounded(width),
        throw=_rounded(throw),
    )


def fader(plan: "Plan", role: str, frames: int) -> np.ndarray:
    """Gain of a part that was made louder or quieter in some beats; empty where it never was."""
    steps = [step for step in plan.levels if step[0] == role]
    if not steps:
        return np.zeros(0)
    beats = np.arange(frames // GRID + 2) * GRID / SAMPLE_RATE * plan.bpm / 60
    level = np.zeros(len(beats))
    for _, start, end, by in steps:
        level[(beats >= start) & (beats < end)] += by
    return 10 ** (_rounded(np.clip(level, -24.0, 12.0)) / 20)


def _named(section: "Section", names: tuple[str, ...]) -> bool:
    return section.name.lower().startswith(names)


def _cutoff(section: "Section", through: np.ndarray, daring: float, closes: bool) -> np.ndarray:
    """Octaves above 1 Hz: builds open, breaks stay closed, intros and outros look through a curtain."""
    fully = float(np.log2(OPEN_HERTZ))
    name = section.name.lower()
    if name.startswith(("build", "riser")):
        return np.log2(1500) + (fully - np.log2(1500)) * through**1.3
    if name.startswith(("prechorus", "pre-chorus")):
        return np.log2(20_000) - 1.6 * daring * (1 - through)
    if name.startswith(("break", "bridge")):
        return np.minimum(fully, np.log2(6500) - 0.7 * daring + 1.2 * through)
    if name.startswith("intro") and section.energy < 0.5 and closes:
        return np.minimum(fully, np.log2(7500) - daring + 2.2 * through)
    if name.startswith("outro") and section.energy < 0.5 and closes:
        return np.minimum(fully, fully - 1.6 * daring * through)
    return np.full(len(through), fully)


def _opening(section: "Section", through: np.ndarray) -> np.ndarray:
    """How much wider than usual: builds draw together, what they lead to spreads out."""
    if _named(section, _BUILDS):
        return -0.35 * through
    if _named(section, _PEAKS):
        return np.full(len(through), 0.15)
    return np.full(len(through), -0.12 if _named(section, ("intro", "verse")) else 0.0)


def _rounded(curve: np.ndarray) -> np.ndarray:
    taps = np.hanning(max(3, round(_TAP_SECONDS * SAMPLE_RATE / GRID)) | 1)
    half = len(taps) // 2
    return np.convolve(np.pad(curve, half, mode="edge"), taps / taps.sum(), "valid")
