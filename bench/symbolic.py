"""What can be measured in a score without hearing it: how chromatic, how regular, how alike. Pure functions of scores.

The first three are those of MusPy (Dong et al., ISMIR 2020), so that they can be held against published figures of real
music: pitch-class entropy 2.97 +- 0.02, scale consistency 0.923 +- 0.013, groove consistency 0.931 +- 0.010 (SOD corpus
in Dong et al., Multitrack Music Transformer, ICASSP 2023; twelve positions in a beat, as here).
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations, pairwise

import numpy as np

from song.key import MODES, Key
from song.score import Note, Score, Track

_POSITIONS = 12  # in a quarter note


def pitched(score: Score) -> list[Note]:
    """All notes that have a pitch."""
    tracks = (track for track in score.tracks if not track.drums and not track.role.startswith("texture"))
    return [note for track in tracks for note in track.notes]


def pitch_class_entropy(score: Score) -> float:
    """Bits: 0 for one pitch class, 2.81 for seven equal ones, 3.58 for twelve."""
    counts = np.bincount([note.pitch % 12 for note in pitched(score)], minlength=12)
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(-(shares * np.log2(shares)).sum())


def scale_consistency(score: Score) -> float:
    """The share of notes that lie in the best of the 24 major and natural minor scales."""
    counts = np.bincount([note.pitch % 12 for note in pitched(score)], minlength=12)
    scale = np.isin(np.arange(12), MODES["major"])  # minor keys have the same scales
    return max(float(counts[np.roll(scale, tonic)].sum()) for tonic in range(12)) / max(1, counts.sum())


def groove_consistency(score: Score) -> float:
    """1 less the share of positions at which neighbouring bars differ in whether a note begins there; 1 for one bar.

    Measure scores as they are written, at humanize 0: swung notes lie so near the edge between two positions that a
    few milliseconds of human timing would count as another groove.
    """
    width = round(score.beats_per_bar * _POSITIONS)
    bars = max(1, round(score.beats / score.beats_per_bar))
    grooves = np.zeros((bars, width), bool)
    for track in score.tracks:
        for note in track.notes:
            place = round(note.start * _POSITIONS)
            if place < bars * width:
                grooves[place // width, place % width] = True
    return 1 - float(np.mean(grooves[1:] ^ grooves[:-1])) if bars > 1 else 1.0


def role(score: Score, name: str) -> Track | None:
    """The track of a role."""
    return next((track for track in score.tracks if track.role == name), None)


def leap_share(score: Score, name: str = "lead", above: int = 7) -> float:
    """The share of a line's steps that are wider than `above` semitones; 0 where nobody plays it."""
    track = role(score, name)
    steps = [abs(a.pitch - b.pitch) for a, b in pairwise(track.notes)] if track else []
    return sum(step > above for step in steps) / len(steps) if steps else 0.0


def tune(score: Score, name: str = "lead") -> frozenset[tuple[int, int]]:
    """A line as (sixteenth of the song, pitch class above the tonic)."""
    tonic, track = Key.parse(score.key).tonic, role(score, name)
    return frozenset((round(note.start * 4), (note.pitch - tonic) % 12) for note in (track.notes if track else ()))


def jaccard(a: frozenset[Hashable], b: frozenset[Hashable]) -> float:
    """What two sets share, 0-1; 0 where both are empty."""
    return len(a & b) / len(a | b) if a | b else 0.0


def lead_jaccard(scores: Iterable[Score]) -> list[float]:
    """The likeness of every pair of leads among songs."""
    tunes = [found for score in scores if (found := tune(score))]
    return [jaccard(a, b) for a, b in combinations(tunes, 2)]


def fingerprint(score: Score) -> tuple[Hashable, Hashable, Hashable]:
    """(progression, drum pattern, bass pattern) of a song's busiest four bars, freed from key and humanising.

    Progression: root above the tonic and intervals of each chord. Drums: (sixteenth, pitch) of each stroke. Bass:
    (sixteenth, pitch above the sounding root). The busiest bars are the first four of the section with most notes in a
    bar, so that songs are compared where all play. A part that does not play there is empty.
    """
    low = _busiest(score)
    high = low + 4 * score.beats_per_bar
    tonic = Key.parse(score.key).tonic
    chords = tuple(((one.root - tonic) % 12, one.intervals) for one in score.chords if low - 1e-6 <= one.start < high)
    drums, bass = role(score, "drums"), role(score, "bass")
    beat = frozenset((_step(note, low), note.pitch) for note in _inside(drums, low, high))
    line = frozenset((_step(note, low), (note.pitch - _root(score, note)) % 12) for note in _inside(bass, low, high))
    return chords, beat, line


def twins(scores: Iterable[Score]) -> int:
    """How many songs share all three parts of a fingerprint with an earlier one."""
    return sum(count - 1 for count in Counter(fingerprint(score) for score in scores).values())


def _busiest(score: Score) -> float:
    """The beat at which the section with most notes in a bar begins."""
    starts = [marker.beat for marker in score.markers] or [0.0]
    notes = np.sort([note.start + 0.05 for track in score.tracks for note in track.notes])
    spans = list(zip(starts, [*starts[1:], score.beats], strict=True))
    counts = [(np.searchsorted(notes, end) - np.searchsorted(notes, start)) / (end - start) for start, end in spans]
    return starts[int(np.argmax(counts))]


def _inside(track: Track | None, low: float, high: float) -> Sequence[Note]:
    return [note for note in track.notes if low - 0.06 <= note.start < high - 0.06] if track else ()


def _step(note: Note, low: float) -> int:
    return round((note.start - low) * 4)


def _root(score: Score, note: Note) -> int:
    return [one.root for one in score.chords if one.start <= note.start + 0.1][-1]
