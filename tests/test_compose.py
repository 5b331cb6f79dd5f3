"""What is composed is music: it is the same each time, whole, playable, and whoever plays leaves the others alone."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from bench import symbolic
from composer.arrange import compose, plays
from composer.drums import LANES
from composer.plan import STYLES
from composing import METERS, composed, count, digest, planned, track
from song.key import MODES, Key
from song.score import Note, Score

PINNED = {
    "lofi": "8e21bf69",
    "house": "7272ddfe",
    "techno": "260ca11d",
    "psytrance": "6fb5b0ab",
    "trap": "ecadb8b9",
    "cinematic": "72fd13ae",
    "ambient": "61168965",
    "rock": "a57877c9",
    "jazz": "9f41516a",
    "boom_bap": "fb1fda40",
    "drill": "5708ebfd",
    "deep_house": "7476aef6",
    "drum_and_bass": "7257b2b9",
    "dubstep": "3733ddfe",
    "synthwave": "c3e98051",
    "soul": "f309400e",
    "reggae": "08987315",
    "pop_ballad": "29b9f466",
    "synth_pop": "4dbc5aa2",
    "metal": "afc459c7",
    "punk": "ae4400d2",
    "country": "84b5ee9e",
    "folk": "6ecc3a81",
    "epic_trailer": "022e26c1",
    "piano_solo": "91c0c8da",
    "chamber": "bb4a9e0f",
    "waltz": "e082f47c",
    "bossa_nova": "10f0cba6",
    "blues": "b17cd737",
    "funk": "693a207c",
    "celtic": "76012023",
    "salsa": "42bd78a7",
    "reggaeton": "7198d16c",
    "afrobeat": "aabafad9",
    "chiptune": "bc7c8142",
}


# -- the same request is the same song, and another seed another


def test_the_same_plan_gives_the_samecount() -> None:
    for style in STYLES:
        assert composed(style, 5) == composed(style, 5)


@pytest.mark.parametrize("style", STYLES)
def test_notes_are_pinned(style: str) -> None:
    """Where these change on purpose, old recipes make new songs: say so in the changelog."""
    assert digest(composed(style, 1, 30, humanize=0.0)) == PINNED[style]


def test_seeds_give_different_tunes() -> None:
    """Jaccard similarity of (onset, pitch above the tonic) between the leads of seven seeds."""
    for style in STYLES:
        tunes = []
        for seed in range(7):
            song = planned(style, seed, 60)
            lead = track(composed(style, seed, 60), "lead")
            if lead:
                tunes.append({(round(note.start * 4), (note.pitch - song.key.tonic) % 12) for note in lead.notes})
        alike = [len(a & b) / len(a | b) for a, b in itertools.combinations(tunes, 2)]
        assert float(np.mean(alike)) < 0.08, style
        assert float(np.quantile(alike, 0.98)) < 0.15, style


def test_seeds_give_different_progressions_and_beats() -> None:
    for style in STYLES:
        songs = [composed(style, seed, 60) for seed in range(7)]
        harmonies = {tuple(((c.root - Key.parse(s.key).tonic) % 12, c.intervals) for c in s.chords) for s in songs}
        assert len(harmonies) >= 6, style


# -- notes are playable


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("duration", [5, 30, 150])
def test_notes_are_in_range_and_never_on_top_of_each_other(style: str, duration: float) -> None:
    song = planned(style, 3, duration)
    score = compose(song)
    assert len({one.role for one in score.tracks}) == len(score.tracks)
    for one in score.tracks:
        part = song.band[one.role]
        sounding: dict[int, float] = {}
        for note in sorted(one.notes, key=lambda note: note.start):
            assert 1 <= note.velocity <= 127
            assert 0 <= note.start < song.beats
            assert note.duration > 0
            assert note.end <= song.beats + 1e-3
            assert note.start >= sounding.get(note.pitch, 0) - 1e-6, (style, one.role)
            sounding[note.pitch] = note.end
            if not one.drums and not one.role.startswith("texture"):
                assert part.low - 1 <= note.pitch <= part.high + 1, (style, one.role, note.pitch)


def test_drums_are_percussion_that_somebody_can_play() -> None:
    known = {pitch for pitch, _ in LANES.values()} | {27, 28, 29, 30}
    for style in STYLES:
        drums = track(composed(style, 2, 120), "drums")
        assert drums is None or {note.pitch for note in drums.notes} <= known


# -- sameness


@pytest.mark.parametrize("style", STYLES)
def test_no_two_songs_share_progression_beat_and_bass(style: str) -> None:
    scores = [composed(style, seed, 60) for seed in range(7)]
    assert symbolic.twins(scores) == 0


def test_songs_of_a_style_differ_in_register_and_density() -> None:
    for style in ("lofi", "house", "soul", "reggae"):
        centers, counts = [], []
        for seed in range(7):
            score = composed(style, seed, 60)
            lead = track(score, "lead")
            centers += [float(np.mean([note.pitch for note in lead.notes]))] if lead else []
            counts.append(count(score))
        assert np.std(centers) > 2, style
        assert np.std(counts) / np.mean(counts) > 0.07, style


def test_scores_measure_like_music() -> None:
    """Means over styles and a few seeds, against what is published of real music (see bench.symbolic)."""
    scores = [composed(style, seed, 60) for style in STYLES for seed in range(3)]
    assert 2.3 < float(np.mean([symbolic.pitch_class_entropy(score) for score in scores])) < 3.0
    assert 0.92 < float(np.mean([symbolic.scale_consistency(score) for score in scores])) < 0.98
    beaten = [composed(style, 1, 60, humanize=0.0) for style in STYLES if track(composed(style, 1, 60), "drums")]
    assert 0.9 < float(np.mean([symbolic.groove_consistency(score) for score in beaten])) < 0.98
    assert float(np.mean([symbolic.leap_share(score) for score in scores])) < 0.03


# -- any request at all


@pytest.mark.parametrize("seed", range(24))
def test_any_request_is_composed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    style = list(STYLES)[int(rng.integers(len(STYLES)))]
    song = planned(
        style,
        seed,
        float(np.round(rng.uniform(5, 60), 2)),
        meter=str(rng.choice(METERS)),
        key=f"{rng.choice(list('CDEFGAB'))} {rng.choice(list(MODES))}",
        bpm=float(np.round(rng.uniform(30, 300), 1)),
        humanize=float(rng.random()),
        ending=str(rng.choice(["ring", "stop", "fade"])),
    )
    shifts = rng.integers(0, 3, len(song.sections))
    sections = tuple(replace(one, shift=int(shift)) for one, shift in zip(song.sections, shifts, strict=True))
    song = replace(
        song, sections=sections, density=float(rng.random()), complexity=float(rng.random()), swing=float(rng.random())
    )
    score = compose(song)
    assert score == compose(song)
    assert score.tracks
    for one in score.tracks:
        part = song.band[one.role]
        for note in one.notes:
            assert np.isfinite([note.start, note.duration]).all()
            assert 1 <= note.velocity <= 127
            assert 0 <= note.start < song.beats
            assert note.duration > 0
            assert note.end <= song.beats + 1e-3
            if not one.drums and not one.role.startswith("texture"):
                assert part.low - 1 <= note.pitch <= part.high + 1, (style, one.role)


# -- independence


def _inside(score: Score, role: str, low: float, high: float) -> list[Note]:
    found = track(score, role)
    return [note for note in found.notes if low <= note.start < high] if found else []


@pytest.mark.parametrize("style", ["lofi", "house", "cinematic", "jazz"])
def test_another_take_of_one_part_leaves_all_others(style: str) -> None:
    song = planned(style, 4, 60)
    before = compose(song)
    changed = 0
    for section in song.sections[1:4]:
        for role in ("drums", "lead", "bass", "chords", "harmony"):
            after = compose(song, {(section.id, role): 1})
            low, high = section.start * song.beats_per_bar, (section.start + section.bars) * song.beats_per_bar
            for one in before.tracks:
                outside = [note for note in one.notes if not low <= note.start < high]
                theirs = track(after, one.role)
                assert theirs is not None
                assert outside == [note for note in theirs.notes if not low <= note.start < high], (section.id, role)
                if one.role != role and role != "harmony" and (one.role, role) != ("counter", "lead"):
                    assert _inside(before, one.role, low, high) == _inside(after, one.role, low, high)
            changed += after != before
    assert changed > 3


@pytest.mark.parametrize("style", STYLES)
def test_sending_a_player_home_leaves_the_others(style: str) -> None:
    """Only the second voice listens to the tune, and the bed, which never stops, is missed by the next one."""
    song = planned(style, 4, 60)
    whole = compose(song)
    beds = [role for role in song.band if set(plays(song, STYLES[style], role)) == {one.id for one in song.sections}]
    for role in set(song.band) & {"drums", "lead", "counter", "arp"} - set(beds):
        rest = compose(replace(song, band={name: part for name, part in song.band.items() if name != role}))
        gone = (role, "counter") if role == "lead" else (role,)
        kept = tuple(one for one in rest.tracks if one.role not in gone)
        assert kept == tuple(one for one in whole.tracks if one.role not in gone), role


@pytest.mark.parametrize("style", ["house", "deep_house", "drum_and_bass"])
def test_where_no_bass_plays_chords_lie_on_their_roots(style: str) -> None:
    """These styles leave the root to the bass; without both, Am7 would be C."""
    rooted = []
    for seed in range(8):
        score, song = composed(style, seed, 60, humanize=0.0), planned(style, seed, 60, humanize=0.0)
        hands = track(score, "chords")
        silent = {one.id for one in song.sections} - set(plays(song, STYLES[style], "bass"))
        for section in song.sections if hands else ():
            start, end = (bar * song.beats_per_bar for bar in (section.start, section.start + section.bars))
            for one in score.chords if section.id in silent else ():
                struck = [note.pitch for note in hands.notes if one.start <= note.start < one.start + one.duration / 2]
                if start <= one.start < end and len(struck) > 2:
                    rooted.append(one.root in {pitch % 12 for pitch in struck})
    assert len(rooted) > 10 and np.mean(rooted) > 0.9


@pytest.mark.parametrize("style", ["deep_house", "house", "funk", "rock"])
def test_a_bass_that_plays_a_riff_names_each_chord_first(style: str) -> None:
    for seed in range(12):
        score = composed(style, seed, 40, humanize=0.0)
        bass = track(score, "bass")
        firsts = [
            next((note for note in bass.notes if one.start - 0.01 <= note.start < one.start + one.duration), None)
            for one in (score.chords[:-1] if bass else ())
        ]
        named = [one.root == note.pitch % 12 for one, note in zip(score.chords, firsts, strict=False) if note]
        assert not named or np.mean(named) > 0.8, seed
