"""Cover: the tempo, key and chords of a known song under a new arrangement; strength says what else of it stays."""

from dataclasses import replace
from typing import Any

import numpy as np

from composer.form import Section
from composer.harmony import Harmony
from composer.original import Original, fitted, grid, sketch, spoken, transposed
from composer.plan import Plan
from composer.styles import STYLES
from song.errors import BadRequest
from song.key import Key
from song.score import Note

FORM_FROM = 0.2  # strength from which the sections are the original's
FEEL_FROM = 0.5  # strength from which the swing is
_UNSURE = 0.25  # notes heard with less confidence than that are never played
_RANGE_DB = 14.0  # between the loudest section and one of the lowest energy
_LOUDEST = 0.9  # energy of the loudest section


def covered(request: Any, original: Original, energies: tuple[float, ...]) -> Plan:
    """The plan of the cover. `energies` are those of the original's sections, see `energies`. Raises BadRequest."""
    words = request.prompt or request.style or ""
    if not words:
        raise BadRequest("style", "is missing; name a style, or say in the words how the cover should sound")
    said = spoken(request.prompt)
    bpm = request.bpm or said.bpm or original.bpm
    key = Key.parse(request.key) if request.key else said.key or original.key
    seconds = request.duration or said.seconds or (original.heard.duration - original.start) * original.bpm / bpm
    drawn = sketch(request, words, seconds, bpm=bpm, key=str(key), meter=original.heard.meter)
    sections = _sections(drawn, original, energies, request)
    shift = semitones(original.key, key)
    chords = transposed(_chords(original, drawn.bars), shift, key)
    band, tune = drawn.band, _tune(original, request.strength, drawn.bars * original.bar)
    if tune and "lead" not in band:
        band = {**band, "lead": STYLES[drawn.style].palette["lead"]} if "lead" in STYLES[drawn.style].palette else band
    return replace(
        drawn,
        bpm=float(bpm),
        sections=sections,
        band=band,
        grid=grid(sections, chords, original.bar),
        tune=_in_reach(tune, shift, band["lead"].low, band["lead"].high) if "lead" in band else (),
        **_feel(drawn, original, request),
    )


def semitones(old: Key, new: Key) -> int:
    """How far the music moves, -5 to 6. Between a minor key and its relative major it does not."""
    up = (new.fifths * 7 - old.fifths * 7) % 12
    return up - 12 if up > 6 else up


def energies(original: Original, levels: np.ndarray) -> tuple[float, ...]:
    """Energy 0-1 of each section from the level of its bars (dB): the loudest is all but all out."""
    loud = [float(np.mean(levels[one.start : one.start + one.bars])) for one in original.sections]
    return tuple(round(min(1.0, max(0.25, _LOUDEST + (level - max(loud)) / _RANGE_DB)), 3) for level in loud)


def _sections(drawn: Plan, original: Original, energies: tuple[float, ...], request: Any) -> tuple[Section, ...]:
    """The original's sections from some strength on, their energy between the style's and the original's."""
    if request.strength < FORM_FROM or len(original.sections) < 2:
        return drawn.sections
    heard = [replace(one, energy=energy) for one, energy in zip(original.sections, energies, strict=True)]
    if request.energy is not None:  # the curve stays, its height is as asked
        lift = request.energy - sum(one.energy for one in heard) / len(heard)
        heard = [replace(one, energy=one.energy + lift) for one in heard]
    return tuple(
        replace(one, energy=_blend(_energy_at(drawn, one.start + one.bars // 2), one.energy, request.strength))
        for one in fitted(heard, drawn.bars)
    )


def _energy_at(plan: Plan, bar: int) -> float:
    return next((one.energy for one in plan.sections if one.start <= bar < one.start + one.bars), 0.7)


def _blend(new: float, old: float, strength: float) -> float:
    return round(min(1.0, max(0.15, new + strength * (old - new))), 3)


def _chords(original: Original, bars: int) -> tuple[Harmony, ...]:
    """The original's chords for so many bars; a longer cover begins again from the top."""
    return tuple(
        replace(one, start=one.start + bar * original.bar)
        for bar in range(bars)
        for one in original.bar_chords(bar % original.bars)
    )


def _tune(original: Original, strength: float, beats: float) -> list[Note]:
    """The melody as far as strength goes: the surest notes on the strongest beats first, all of them at 1."""
    if strength <= 0:
        return []
    least = max(_UNSURE, 1 - strength)
    return [
        note
        for note, confidence in original.tune
        if note.start < beats and confidence >= _UNSURE and confidence * _weight(note, original.bar) >= least
    ]


def _weight(note: Note, bar: float) -> float:
    """How much of the melody hangs on a note: 1 on the downbeat or where it is long, 0.85 on beats, 0.6 between."""
    place = note.start % bar
    if place < 0.01 or note.duration >= 2:
        return 1.0
    return 0.85 if place % 1 < 0.01 else 0.6


def _in_reach(tune: list[Note], shift: int, low: int, high: int) -> tuple[Note, ...]:
    """The tune transposed, in the octave where most of it lies in the player's reach, the rest folded in."""
    if not tune:
        return ()
    middle = float(np.median([note.pitch + shift for note in tune]))
    octave = 12 * round(((low + high) / 2 - middle) / 12)
    return tuple(replace(note, pitch=_folded(note.pitch + shift + octave, low, high)) for note in tune)


def _folded(pitch: int, low: int, high: int) -> int:
    while pitch > high and pitch - 12 >= low:
        pitch -= 12
    while pitch < low and pitch + 12 <= high:
        pitch += 12
    return min(127, max(0, pitch))


def _feel(drawn: Plan, original: Original, request: Any) -> dict[str, Any]:
    """Swing and density of the original, where nobody asked for others."""
    found: dict[str, Any] = {}
    if request.swing is None and original.swing is not None and request.strength >= FEEL_FROM:
        found["swing"] = original.swing
    if request.density is None and original.density is not None:
        found["density"] = round(drawn.density + request.strength * (original.density - 0.5) * 0.6, 3)
    return found
