"""The figures that scores are measured by, on scores whose figures are known."""

import math

import pytest

from bench import symbolic
from song.score import Chord, Marker, Note, Score, Track

_C = Chord(0, 16, "C", 0, (0, 4, 7))


def score(*tracks: Track, beats: float = 16) -> Score:
    return Score(120, (4, 4), "C major", beats, tracks, (Marker(0, "A"),), (_C,))


def line(pitches: list[int], role: str = "lead", step: float = 1.0) -> Track:
    notes = tuple(Note(pitch, 80, place * step, step) for place, pitch in enumerate(pitches))
    return Track(role, role, 0, "piano", notes, drums=role == "drums")


def test_entropy_counts_pitch_classes_and_no_drums() -> None:
    assert symbolic.pitch_class_entropy(score(line([60, 72, 48]))) == 0
    assert symbolic.pitch_class_entropy(score(line([60, 62, 64, 65]), line([36] * 9, "drums"))) == pytest.approx(2)
    assert symbolic.pitch_class_entropy(score(line(list(range(60, 72))))) == pytest.approx(math.log2(12))


def test_scale_consistency_takes_the_best_scale() -> None:
    assert symbolic.scale_consistency(score(line([60, 62, 64, 65, 67, 69, 71]))) == 1
    assert symbolic.scale_consistency(score(line([60, 62, 64, 65, 67, 69, 71, 61, 63, 66]))) == pytest.approx(0.7)


def test_groove_consistency_compares_neighbouring_bars() -> None:
    assert symbolic.groove_consistency(score(line([60] * 16))) == 1
    one_bar_in_two = Track("a", "lead", 0, "piano", (Note(60, 80, 0, 1), Note(60, 80, 8, 1)))
    assert symbolic.groove_consistency(score(one_bar_in_two)) == pytest.approx(1 - 1 / 48)


def test_leaps_and_likeness() -> None:
    assert symbolic.leap_share(score(line([60, 62, 72, 71]))) == pytest.approx(1 / 3)
    assert symbolic.leap_share(score(line([60], "bass"))) == 0
    a, b = score(line([60, 62, 64, 65])), score(line([60, 62, 67, 69]))
    assert symbolic.lead_jaccard([a, b, a]) == pytest.approx([2 / 6, 1, 2 / 6])
    assert symbolic.lead_jaccard([a, score(line([60], "bass"))]) == []


def test_fingerprints_are_free_of_key_and_touch() -> None:
    song = score(line([60, 64, 67, 72], "bass"), line([36, 38, 36, 38], "drums"))
    up = tuple(Note(note.pitch + 2, 60, note.start + 0.03, 0.5) for note in song.tracks[0].notes)
    tracks = (Track("b", "bass", 0, "x", up), song.tracks[1])
    moved = Score(99, (4, 4), "D major", 16, tracks, song.markers, (Chord(0, 16, "D", 2, (0, 4, 7)),))
    assert symbolic.fingerprint(song) == symbolic.fingerprint(moved)
    other = score(line([60, 64, 67, 71], "bass"), line([36, 38, 36, 38], "drums"))
    assert symbolic.twins([song, moved, other]) == 1
