"""Chords: numerals, keys, voices, roots, and chords that are given."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from composer import tidy
from composer.arrange import compose
from composer.harmony import Harmony, chord
from composer.plan import STYLES, Plan, plan
from composer.voicing import lead_voices
from composing import at_home, composed, pitched, planned, track
from song.key import MODES, Key
from song.request import Generate
from song.score import Chord, Note

_CHROMATIC = ("jazz", "bossa_nova", "blues")

# -- harmony


def test_roman_numerals() -> None:
    key = Key.parse("C minor")
    assert chord("bVImaj7", key).symbol == "Abmaj7"
    assert chord("V7b9", key).tones == (7, 11, 2, 5, 8)
    assert chord("i/3", key).symbol == "Cm/Eb"
    assert chord("i/3", key).bass == 3
    assert chord("ii7b5", Key.parse("A minor")).symbol == "Bm7b5"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("mode", MODES)
def test_every_style_composes_in_every_mode_and_stays_near_its_key(style: str, mode: str) -> None:
    key = Key(2, mode)
    score = compose(at_home(planned(style, 3, 45, key=str(key))))
    notes = [note for one in pitched(score) for note in one.notes]
    inside = sum(note.pitch % 12 in key.pitch_classes for note in notes) / len(notes)
    assert inside > (0.68 if style in _CHROMATIC else 0.8)


def test_music_is_in_key_but_not_only_in_key() -> None:
    """Shares of notes of the scale over seven songs; real music lies near 0.92 to 0.98."""
    for style in STYLES:
        shares = []
        for seed in range(7):
            song = planned(style, seed, 60)
            lifted = any(section.shift for section in song.sections)
            score = compose(at_home(song)) if lifted else composed(style, seed, 60)
            notes = [note for one in pitched(score) for note in one.notes]
            shares.append(sum(note.pitch % 12 in song.key.pitch_classes for note in notes) / len(notes))
        assert (0.8 if style in _CHROMATIC else 0.9) < float(np.mean(shares)) < 0.998, style


def test_voices_move_little_and_the_top_voice_sings() -> None:
    key = Key.parse("D minor")
    progression = [chord(name, key) for name in ["i9", "iv9", "bVII13", "bIIImaj9", "bVImaj7", "ii7b5", "V7b9", "i9"]]
    voicings = lead_voices(progression, "rootless", 48, 78, 62)
    motion = [
        np.mean([min(abs(a - b) for a in before) for b in after]) for before, after in itertools.pairwise(voicings)
    ]
    assert float(np.mean(motion)) < 2.5
    assert max(abs(after[-1] - before[-1]) for before, after in itertools.pairwise(voicings)) <= 5


def test_songs_end_on_the_tonic() -> None:
    for style in STYLES:
        for seed in range(3):
            song = at_home(planned(style, seed, 20, ending="ring"))
            score = compose(song)
            assert score.chords[-1].root == song.key.tonic
            last = [n for one in pitched(score) for n in one.notes if n.start >= song.last_beat - 0.01]
            assert any(note.pitch % 12 == song.key.tonic for note in last)
            assert all(
                note.pitch % 12 in {(song.key.tonic + i) % 12 for i in score.chords[-1].intervals} for note in last
            )


def test_the_bass_plays_the_roots() -> None:
    for style in STYLES:
        score = composed(style, 2, 60)
        bass = track(score, "bass")
        if bass is None:
            continue
        hits = total = 0
        for harmony in score.chords[:-1]:
            first = [n for n in bass.notes if harmony.start - 0.1 <= n.start < harmony.start + harmony.duration - 0.1][
                :1
            ]
            total += len(first)
            hits += sum(n.pitch % 12 in {(harmony.root + i) % 12 for i in harmony.intervals} for n in first)
        assert hits >= total * 0.85, style


# -- what is given is kept


def _harmonies(song: Plan, symbols: str) -> dict[str, tuple[Harmony, ...]]:
    """Two chords a bar for every section, that no style would choose by itself."""
    names, half = symbols.split(), song.beats_per_bar / 2
    grid: dict[str, list[Harmony]] = {}
    for section in song.sections:
        for place in range(section.bars * 2):
            one = chord(names[place % len(names)], song.key)
            start = section.start * song.beats_per_bar + place * half
            grid.setdefault(section.id, []).append(replace(one, start=start, beats=half, symbol=f"S{place}"))
    return {name: tuple(chords) for name, chords in grid.items()}


@pytest.mark.parametrize("style", STYLES)
def test_given_chords_are_kept_exactly(style: str) -> None:
    for ending in ("ring", "fade"):
        song = planned(style, 4, 40, ending=ending)
        song = replace(song, grid=_harmonies(song, "I #ivo bVI7 iiimaj7 V7alt"))
        given = [one for section in song.sections for one in song.grid[section.id]]
        score = compose(replace(song, complexity=1.0))
        assert [(one.start, one.duration, one.symbol, one.root, one.intervals) for one in score.chords[:-1]] == [
            (one.start, one.beats, one.symbol, one.root, one.intervals) for one in given
        ]


def test_a_bar_without_a_chord_is_played_by_nobody_who_needs_one() -> None:
    song = planned("rock", 4, 40, meter="4/4")
    section = max(song.sections, key=lambda one: one.energy)
    low = section.start * 4.0
    rest = Harmony(low, 4.0, 0, (), 0, "N.C.")
    tonic = replace(chord("I", song.key), start=low + 4, beats=section.bars * 4.0 - 4)
    score = compose(replace(song, grid={section.id: (rest, tonic)}, band={"chords": song.band["chords"], "bass":
                    song.band["bass"], "drums": song.band["drums"], "lead": song.band["lead"]}))  # fmt: skip
    bass = track(score, "bass")
    assert bass is not None
    assert not [note for note in bass.notes if low + 0.1 <= note.start < low + 3.9]
    assert [note for note in bass.notes if low + 4 <= note.start < low + 8]


def test_a_given_tune_is_played_where_it_lies() -> None:
    for style in ("lofi", "rock", "jazz", "house"):
        song = planned(style, 4, 60, meter="4/4")
        section = song.sections[1]
        low = section.start * 4.0
        tune = tuple(Note(72 + step, 90, low + 0.37 + step, 0.6) for step in range(8))
        plain, score = compose(song), compose(replace(song, tune=tune))
        lead = track(score, "lead")
        assert lead is not None
        heard = [note for note in lead.notes if low <= note.start < low + 8]
        assert [(note.start, note.duration, note.velocity) for note in heard] == [
            (pytest.approx(one.start), pytest.approx(one.duration), one.velocity) for one in tune
        ]
        assert all((note.pitch - one.pitch) % 12 == 0 for note, one in zip(heard, tune, strict=True))
        own = track(plain, "lead")
        assert own is not None
        after = [note for note in own.notes if note.start >= low + section.bars * 4]
        assert after == [note for note in lead.notes if note.start >= low + section.bars * 4]


@pytest.mark.parametrize("style", ["rock", "metal", "punk"])
def test_power_chords_have_the_fifth_of_their_chord(style: str) -> None:
    for seed in range(3):
        song = planned(style, seed, 20, chords="| Bdim | Cm7b5 | C+ | Am |", band="distorted guitar, bass, drums")
        score = compose(song)
        for one in score.chords:
            starts = [note.pitch for note in track(score, "chords").notes if -0.05 < note.start - one.start < 0.05]
            fifths = {6, 7, 8} - set(one.intervals)
            assert not fifths & {(pitch - one.root) % 12 for pitch in starts}, (seed, one.symbol)


def test_no_chord_rings_on_under_the_next_one() -> None:
    for style in ("waltz", "country", "deep_house", "salsa"):
        song = plan(Generate(prompt="song", style=style, seed=1, duration=30, chords="| C Am F G | Dm7 G7 |"))
        score = compose(song)
        held = [
            (note, later)
            for played in score.tracks
            if played.role in ("chords", "pad", "arp")
            for note in played.notes
            for later in score.chords
            if note.start + 0.12 < later.start < note.end - 0.06
        ]
        assert len(score.chords) > 20
        assert not [one for one in held if (one[0].pitch - one[1].root) % 12 not in {i % 12 for i in one[1].intervals}]


def test_who_carries_the_others_moves_with_the_chord_and_an_anticipation_is_held() -> None:
    chords = (Chord(0, 4, "C", 0, (0, 4, 7)), Chord(4, 4, "F", 5, (0, 4, 7)))
    notes = [Note(60, 80, 0.0, 8.0), Note(64, 80, 2.0, 4.0), Note(65, 80, 3.5, 2.0), Note(71, 80, 3.95, 1.0)]
    cut = tidy.resolved(notes, chords, goes_on=False)
    assert [(n.pitch, n.start, n.end) for n in cut] == [(60, 0, 8), (64, 2, 4), (65, 3.5, 5.5), (71, 3.95, 4.95)]
    moved = tidy.resolved(notes[:2], chords, goes_on=True)
    assert [(n.pitch, n.start, n.end) for n in moved] == [(60, 0, 8), (64, 2, 4), (65, 4, 6)]
