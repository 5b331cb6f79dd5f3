"""Extend: a song goes on from its last bar that is still at level, or begins some bars before its first one."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from composer.form import Section
from composer.harmony import Harmony
from composer.original import SLACK, Original, fitted, grid, named, sketch
from composer.plan import Plan
from song.audio import Audio
from song.score import Score

_AT_LEVEL_DB = 5.0  # a bar that lies further below the middle of all bars is a fade, a ring or silence
_LOOPS = (2, 4, 8, 1, 16)  # bars after which chords come round, likelier ones first
_ALIKE = 0.75  # of the bars must be as they were one loop before
_LOOKED = 16  # bars that are looked at for the loop
_CLOSING = ("outro", "ending", "coda", "end", "fade")
_LOCAL = 8  # bars whose tempo the new part takes over


@dataclass(frozen=True)
class Joint:
    """Where new music meets old: `at` is the second of the original's barline, `plan` the new part in whole bars."""

    plan: Plan
    at: float


def levels(audio: Audio, original: Original, parts: int = 1) -> np.ndarray:
    """Level of each whole bar in dB, or of each of its `parts`."""
    beats = [place * original.bar / parts for place in range(original.bars * parts + 1)]
    edges = [round(original.seconds(beat) * audio.sample_rate) for beat in beats]
    pieces = (audio.samples[:, max(0, a) : max(b, a + 1)] for a, b in pairwise(edges))
    power = [float(np.mean(np.square(piece, dtype=np.float64))) if piece.size else 0.0 for piece in pieces]
    return 10 * np.log10(np.array(power) + 1e-12)


def last_bar(original: Original, halves: np.ndarray) -> int:
    """The barline that the song goes on from: the last before a closing section, a fade, a last ring, or the end.
    `halves` are the levels of half bars."""
    usual = float(np.median(halves[halves > halves.max() - 30]))
    bar = original.bars
    while bar > 1 and halves[2 * bar - 1] < usual - _AT_LEVEL_DB:
        bar -= 1
    closing = original.sections[-1]
    if closing.name.lower().startswith(_CLOSING) and 0 < closing.start < bar:
        bar = closing.start
    return bar


def onward(request: Any, original: Original, bar: int, words: str, style: str | None) -> Joint:
    """The new part after barline `bar`: as long as was asked for and what it takes the place of. Raises BadRequest."""
    bpm, at = _tempo(original, max(0, bar - _LOCAL), bar), original.seconds(bar * original.bar)
    seconds = request.seconds + max(0.0, original.heard.duration - at - SLACK)
    drawn = _sketched(request, original, bpm, words, style, seconds)
    bars = whole_bars(seconds, original.bar * 60 / bpm)
    sections = _without_intro(fitted(drawn.sections, bars))
    loop = _loop(original, bar)
    chords = _repeated(original, range(bar - loop, bar), bars)
    return Joint(_settled(drawn, bpm, sections, chords, original), at)


def backward(request: Any, original: Original, words: str, style: str | None) -> Joint:
    """An intro that ends on the first downbeat. Raises BadRequest."""
    bpm = _tempo(original, 0, min(_LOCAL, original.bars))
    drawn = _sketched(request, original, bpm, words, style, request.seconds)
    bars = whole_bars(request.seconds, original.bar * 60 / bpm)
    loop = _loop(original, min(_LOOKED, original.bars))
    turned = [(place - bars) % loop for place in range(bars)]  # the bar before the first one is the loop's last
    chords = tuple(
        replace(one, start=one.start + place * original.bar)
        for place, bar in enumerate(turned)
        for one in original.bar_chords(bar)
    )
    energy = min(one.energy for one in drawn.sections)
    sections = named([Section("intro", 0, bars, max(0.4, energy))])
    return Joint(_settled(drawn, bpm, sections, chords, original), original.start)


def without_last_chord(plan: Plan, score: Score) -> Score:
    """The score up to its last barline: what comes there is the original's own first beat."""
    tracks = [
        replace(track, notes=tuple(note for note in track.notes if note.start < plan.last_beat - 1e-3))
        for track in score.tracks
    ]
    return replace(score, tracks=tuple(track for track in tracks if track.notes))


def whole_bars(seconds: float, bar_seconds: float) -> int:
    return max(1, round(seconds / bar_seconds))


def _tempo(original: Original, first: int, last: int) -> float:
    """Quarter notes in a minute between two barlines."""
    seconds = original.seconds(last * original.bar) - original.seconds(first * original.bar)
    return round((last - first) * original.bar * 60 / seconds, 4) if last > first else original.bpm


def _sketched(request: Any, original: Original, bpm: float, words: str, style: str | None, new: float) -> Plan:
    bars = whole_bars(new, original.bar * 60 / bpm)
    seconds = bars * original.bar * 60 / bpm + SLACK
    meter, key = original.heard.meter, str(original.key)
    return sketch(request, words, seconds, style=style, bpm=bpm, key=key, meter=meter)


def _settled(
    drawn: Plan, bpm: float, sections: tuple[Section, ...], chords: tuple[Harmony, ...], original: Original
) -> Plan:
    """The plan with these bars and chords, its last chord as long as it was meant to be."""
    bars = sum(one.bars for one in sections)
    ring = 0.0 if drawn.ending == "fade" else min(3.0, max(SLACK, drawn.duration - drawn.bars * drawn.bar_seconds))
    return replace(
        drawn,
        bpm=bpm,
        duration=round(bars * original.bar * 60 / bpm + ring, 3),
        sections=sections,
        grid=grid(sections, chords, original.bar),
        swing=drawn.swing if drawn.swing is not None else original.swing,
    )


def _without_intro(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """The song is under way already, so what would be an intro belongs to what follows it."""
    first, *rest = sections
    if first.name != "intro":
        return sections
    body = rest[0] if rest and not rest[0].name.startswith(_CLOSING) else replace(first, name="A", energy=0.75)
    return named([replace(first, name=body.name, energy=body.energy, shift=body.shift), *rest])


def _loop(original: Original, bar: int) -> int:
    """After how many bars the chords before barline `bar` come round again."""
    first = max(0, bar - _LOOKED)
    bars = [original.bar_chords(place) for place in range(first, bar)]
    names = [tuple((one.start, one.root, one.third) for one in chords) for chords in bars]
    for size in _LOOPS:
        pairs = [names[place] == names[place - size] for place in range(size, len(names))]
        if len(pairs) >= min(size, 2) and sum(pairs) >= _ALIKE * len(pairs):
            return size
    return max(1, min(bar, 4))


def _repeated(original: Original, loop: range, bars: int) -> tuple[Harmony, ...]:
    return tuple(
        replace(one, start=one.start + place * original.bar)
        for place in range(bars)
        for one in original.bar_chords(loop[place % len(loop)])
    )
