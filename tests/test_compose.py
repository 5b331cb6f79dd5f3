"""What is composed is music: it holds together, breathes, ends, and does what its plan says. Every test reads notes."""

import functools
import hashlib
import itertools
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench import symbolic
from composer import form
from composer.arrange import compose, plays
from composer.drums import LANES, lanes_of
from composer.harmony import Harmony, chord
from composer.plan import STYLES, Plan, plan
from composer.rhythm import Feel, carried, fitting, split, steps_in_bar, swung
from composer.style import Groove
from composer.traits import groove_of
from composer.variants import bent_beat, bent_line
from composer.voicing import lead_voices
from song.key import MODES, Key
from song.request import Generate
from song.score import Note, Score, Track

PINNED = {
    "lofi": "00001cdb",
    "house": "2a86de3e",
    "techno": "260ca11d",
    "psytrance": "6fb5b0ab",
    "trap": "ecadb8b9",
    "cinematic": "72fd13ae",
    "ambient": "61168965",
    "rock": "a57877c9",
    "jazz": "9f41516a",
    "boom_bap": "13290a28",
    "drill": "5708ebfd",
    "deep_house": "b286cd1b",
    "drum_and_bass": "dc389aee",
    "dubstep": "87ce161e",
    "synthwave": "c3e98051",
    "soul": "f309400e",
    "reggae": "92622318",
    "pop_ballad": "29b9f466",
    "synth_pop": "4dbc5aa2",
    "metal": "afc459c7",
    "punk": "ae4400d2",
    "country": "13160dd3",
    "folk": "395f3e03",
    "epic_trailer": "022e26c1",
    "piano_solo": "91c0c8da",
    "chamber": "bb4a9e0f",
    "waltz": "99f1deaf",
    "bossa_nova": "e1d6d78c",
    "blues": "b17cd737",
    "funk": "eff32011",
    "celtic": "76012023",
    "salsa": "f6567b87",
    "reggaeton": "7198d16c",
    "afrobeat": "bc07b785",
    "chiptune": "bc7c8142",
}
_CHROMATIC = ("jazz", "bossa_nova", "blues")
METERS = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8")


def planned(style: str, seed: int = 1, duration: float = 30, **knobs: Any) -> Plan:
    return plan(Generate(prompt="music", style=style, seed=seed, duration=duration, **knobs))


def at_home(song: Plan) -> Plan:
    """The song without its key changes."""
    return replace(song, sections=tuple(replace(section, shift=0) for section in song.sections))


@functools.cache
def composed(style: str, seed: int = 1, duration: float = 30, **knobs: Any) -> Score:
    return compose(planned(style, seed, duration, **knobs))


def track(score: Score, role: str) -> Track | None:
    return next((one for one in score.tracks if one.role == role), None)


def pitched(score: Score) -> list[Track]:
    return [one for one in score.tracks if not one.drums and not one.role.startswith("texture")]


def digest(score: Score) -> str:
    """Pitches and written starts of all parts: what must not change by accident."""
    lines = [f"{one.role} {note.pitch} {note.start:.2f}" for one in score.tracks for note in one.notes]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


# -- the same request is the same song, and another seed another


def test_the_same_plan_gives_the_same_notes() -> None:
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


# -- time


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("meter", METERS)
def test_every_meter_works_in_every_style(style: str, meter: str) -> None:
    song = planned(style, 2, 40, meter=meter)
    score = compose(song)
    assert score.meter == song.meter
    bar = score.beats_per_bar
    starts = [note.start % bar for one in pitched(score) for note in one.notes]
    on_one = sum(start < 0.15 or start > bar - 0.15 for start in starts)
    assert on_one > len(starts) * 0.5 / (bar * 4), "the first beat is felt"
    assert len(pitched(score)) >= 2


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("duration", [5, 7.3, 30, 95, 300])
def test_no_hole_before_the_end_and_no_cut_at_the_end(style: str, duration: float) -> None:
    for seed in (1, 2) if duration < 100 else (1,):
        song = planned(style, seed, duration)
        score = compose(song)
        spans = sorted((score.seconds(n.start), score.seconds(n.end)) for one in pitched(score) for n in one.notes)
        assert spans[0][0] < 0.05
        reach = 0.0
        for start, end in spans:
            assert start - reach < 0.1, (style, seed, reach)
            reach = max(reach, end)
        assert reach >= score.seconds(song.last_beat)
        assert reach <= duration + 1e-3
        assert duration - reach < 2.5


@pytest.mark.parametrize(
    "band", ["no drums", "no pads", "just guitar", "no chords, no pads", "only flute", "only bass and drums"]
)
def test_no_hole_whoever_plays(band: str) -> None:
    for style in STYLES:
        song = plan(Generate(prompt=f"{style}, {band}", seed=4, duration=40))
        spans = sorted((n.start, n.end) for one in pitched(compose(song)) for n in one.notes)
        reach = 0.0
        for start, end in spans:
            assert (start - reach) * 60 / song.bpm < 0.1, (style, band, reach)
            reach = max(reach, end)


def test_slow_and_short_still_ends_inside_its_length() -> None:
    for meter in METERS:
        song = planned("ambient", 1, 5, bpm=30, meter=meter)
        score = compose(song)
        assert song.last_beat < song.beats
        assert max(note.end for one in pitched(score) for note in one.notes) <= song.beats + 1e-3


def test_humanize_zero_is_the_swung_grid() -> None:
    for style in STYLES:
        song = planned(style, 2, 30, humanize=0.0)
        grid = swung(np.arange(0, 16 * 84, 1 / 12), groove_of(song, STYLES[style]), song.meter) / 4
        for one in pitched(compose(song)):
            for note in one.notes:
                if note.start < song.last_beat:
                    assert np.min(np.abs(grid - note.start)) < 1e-3, (style, one.role)


def test_humanize_moves_notes_but_not_far() -> None:
    straight, loose = (track(composed("lofi", 2, 40, humanize=h), "chords") for h in (0.0, 1.0))
    assert straight is not None
    assert loose is not None
    shift = [abs(a.start - b.start) for a, b in zip(straight.notes, loose.notes, strict=False)]
    assert 0.005 < float(np.median(shift)) < 0.12  # beats


def test_swing_moves_the_offbeat_only() -> None:
    groove = Groove(swing=0.66, swing_steps=2)
    assert swung(np.array([0.0, 2.0, 4.0]), groove, (4, 4)) == pytest.approx([0, 2.64, 4])
    assert swung(np.array([0.0, 2.0, 4.0]), groove, (6, 8)) == pytest.approx([0, 2, 4])
    assert swung(np.array([12.0, 13.0]), groove, (7, 8)) == pytest.approx([12, 13])  # an eighth without a partner


def test_a_feel_keeps_notes_inside_their_section() -> None:
    from composer.rhythm import Stroke

    feel = Feel(Groove(loose=200), 120, (4, 4), 1.0)
    strokes = [Stroke(step, 2, 60, 80) for step in range(0, 16, 2)]
    notes = feel.play(strokes, 8.0, 12.0, np.random.default_rng(1), "lead")
    assert all(note.start >= 8.0 and note.end <= 12.0 for note in notes)


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


# -- melody


@pytest.mark.parametrize("style", STYLES)
def test_tunes_walk_more_than_they_leap(style: str) -> None:
    leaps: list[int] = []
    for seed in range(7):
        lead = track(composed(style, seed, 60), "lead")
        leaps += [abs(a.pitch - b.pitch) for a, b in itertools.pairwise(lead.notes)] if lead else []
    share = np.array(leaps)
    assert 0.42 <= float(np.mean((share > 0) & (share <= 2))) <= 0.72
    assert float(np.mean(share > 7)) < 0.03
    assert float(np.mean(share == 0)) < 0.25


def test_tunes_come_back_and_breathe() -> None:
    """Rhythms of bars repeat inside a song far more often than between songs, and phrases end in rests."""
    for style in ("lofi", "rock", "trap", "cinematic", "jazz"):
        inside, rests = [], 0
        for seed in range(5):
            song = planned(style, seed, 70, humanize=0.0)
            lead = track(compose(song), "lead")
            if lead is None:
                continue
            bars: dict[int, list[float]] = {}
            for note in lead.notes:
                bars.setdefault(int(note.start // song.beats_per_bar), []).append(
                    round(note.start % song.beats_per_bar, 2)
                )
            rhythms = [tuple(bar) for bar in bars.values()]
            inside.append(1 - len(set(rhythms)) / len(rhythms))
            rests += sum(b.start - a.end > 0.9 for a, b in itertools.pairwise(lead.notes))
        assert float(np.mean(inside)) > 0.2, style
        assert rests >= 5, style


def test_phrases_close_on_stable_notes() -> None:
    """The last note of a lead section is a tone of its chord nearly always."""
    good = total = 0
    for style in STYLES:
        for seed in range(6):
            song = planned(style, seed, 60)
            score = composed(style, seed, 60)
            lead = track(score, "lead")
            for section in song.sections if lead else ():
                low, high = section.start * song.beats_per_bar, (section.start + section.bars) * song.beats_per_bar
                notes = [n for n in lead.notes if low <= n.start < high - 0.2]  # type: ignore[union-attr]
                if len(notes) > 3:
                    harmony = [c for c in score.chords if c.start <= notes[-1].start + 0.05][-1]
                    good += notes[-1].pitch % 12 in {(harmony.root + i) % 12 for i in harmony.intervals}
                    total += 1
    assert good / total > 0.85


# -- form


def test_drums_vary_and_fill() -> None:
    for style in ("lofi", "house", "rock", "trap", "psytrance", "techno", "jazz"):
        song = planned(style, 3, 90, humanize=0.0)
        drums = track(compose(song), "drums")
        assert drums is not None
        bars: dict[int, list[tuple[float, int]]] = {}
        for note in drums.notes:
            bar = song.beats_per_bar
            bars.setdefault(int(note.start // bar), []).append((round(note.start % bar, 2), note.pitch))
        patterns = [tuple(sorted(bar)) for bar in bars.values()]
        assert len(set(patterns)) >= max(5, len(patterns) * 0.2), style


def test_louder_sections_have_more_to_say() -> None:
    for style in ("house", "cinematic", "trap", "psytrance", "techno", "jazz"):
        song = planned(style, 3, 150)
        score = compose(song)
        weights = {}
        for section in song.sections:
            low, high = section.start * song.beats_per_bar, (section.start + section.bars) * song.beats_per_bar
            weights[section.id] = (
                sum(low <= n.start < high for one in score.tracks for n in one.notes) / section.bars,
                section.energy,
            )
        rank = np.corrcoef(np.array(list(weights.values())).T)[0, 1]
        assert rank > 0.5, style


def test_returning_sections_are_changed() -> None:
    for style in ("lofi", "house", "rock", "trap", "cinematic"):
        song = planned(style, 2, 180, humanize=0.0)
        score = compose(song)
        seen: dict[str, set[tuple[Any, ...]]] = {}
        for section in song.sections:
            low, high = section.start * song.beats_per_bar, (section.start + section.bars) * song.beats_per_bar
            notes = tuple(
                (one.role, n.pitch, round(n.start - low, 2))
                for one in score.tracks
                for n in one.notes
                if low <= n.start < high
            )
            assert notes not in seen.setdefault(section.name, set()), (style, section.id)
            seen[section.name].add(notes)


def test_every_player_is_heard() -> None:
    for style in STYLES:
        for duration in (5, 30, 120):
            song = planned(style, 6, duration)
            assert {one.role for one in compose(song).tracks} == set(song.band), (style, duration)
            assert all(plays(song, STYLES[style], role) for role in song.band)


def test_texture_is_one_long_note() -> None:
    song = plan(Generate(prompt="lofi with vinyl crackle", seed=1))
    texture = track(compose(song), "texture")
    assert texture is not None
    assert [(note.start, note.duration) for note in texture.notes] == [(0.0, pytest.approx(song.beats, abs=1e-3))]


def test_muted_drums_stay_silent() -> None:
    drums = track(compose(plan(Generate(prompt="techno without kick and no hi-hats", seed=1, duration=60))), "drums")
    assert drums is not None
    assert not {36, 42, 46, 44} & {note.pitch for note in drums.notes}


def test_sections_can_be_written_down() -> None:
    style = STYLES["rock"]
    items: list[tuple[str, int | None, float | None]] = [
        ("intro", None, None),
        ("verse", 7, 0.3),
        ("chorus", None, None),
    ]
    found = form.written(items, 23, style)
    assert [(one.name, one.bars) for one in found][1] == ("verse", 7)
    assert found[1].energy == 0.3
    assert sum(one.bars for one in found) == 23
    assert found[2].energy == next(float(t.split(":")[2]) for t in style.forms[0].split() if t.startswith("chorus"))
    squeezed = form.written([("verse", 8, None)] * 5, 3, style)
    assert [one.bars for one in squeezed] == [1, 1, 1]
    assert [one.bars for one in form.written([("verse", 8, None), ("chorus", 8, None)], 40, style)] == [20, 20]


def test_a_key_change_lifts_all_that_follows() -> None:
    song = planned("rock", 3, 120)
    assert len(form.choruses(song.sections)) > 1
    lifted = form.lifted(song.sections, 1.0, (2,), np.random.default_rng(1))
    first = form.choruses(song.sections)[-1]
    assert [one.shift for one in lifted] == [0] * first + [2] * (len(lifted) - first)
    assert form.lifted(song.sections, 0.0, (2,), np.random.default_rng(1)) == song.sections
    beat = lifted[first].start * song.beats_per_bar
    home, high = compose(song), compose(replace(song, sections=lifted))
    assert high.chords[-1].root == (song.key.tonic + 2) % 12
    before = [(one.start, one.symbol) for one in high.chords if one.start < beat - 4.01]
    assert before == [(one.start, one.symbol) for one in home.chords if one.start < beat - 4.01]
    moved = [one.root for one in high.chords if one.start >= beat]
    assert moved == [(one.root + 2) % 12 for one in home.chords if one.start >= beat]


def test_solos_are_busier_than_tunes() -> None:
    for style in ("rock", "jazz", "soul"):
        song = planned(style, 2, 40)
        notes = {}
        for name in ("verse", "solo"):
            sections = tuple(replace(one, name=name, energy=0.8) for one in song.sections)
            lead = track(compose(replace(song, sections=sections)), "lead")
            notes[name] = len(lead.notes) if lead else 0
        assert notes["solo"] > notes["verse"] * 1.15, (style, notes)


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


# -- the knobs


def _notes(score: Score) -> int:
    return sum(len(one.notes) for one in score.tracks)


def test_density_fills_and_complexity_colours() -> None:
    for style in ("lofi", "rock", "house", "soul", "metal", "folk"):
        full, tones, strange = [], [], []
        for value in (0.0, 0.5, 1.0):
            songs = [planned(style, seed, 60) for seed in range(3)]
            full.append(sum(_notes(compose(replace(one, density=value))) for one in songs))
            scores = [compose(replace(one, complexity=value)) for one in songs]
            tones.append(sum(len(one.intervals) for score in scores for one in score.chords))
            strange.append(float(np.mean([symbolic.pitch_class_entropy(score) for score in scores])))
        assert full[0] < full[1] * 0.9, (style, full)
        assert full[2] > full[1] * 1.03, (style, full)
        assert tones[0] <= tones[1] <= tones[2], (style, tones)
        assert tones[0] < tones[2], (style, tones)
        assert strange[0] < strange[2], (style, strange)


def test_swing_can_be_asked_for() -> None:
    for style in ("house", "rock", "lofi"):
        song = planned(style, 2, 30, humanize=0.0)
        for swing, places in ((0.0, (0.25, 0.5, 0.75)), (1.0, (1 / 3, 2 / 3))):
            score = compose(replace(song, swing=swing))
            bass = [one for one in pitched(score) if one.role in ("bass", "chords", "arp")]
            offbeats = {round(note.start % 1, 3) for one in bass for note in one.notes if note.start < song.last_beat}
            wanted = {round(place, 3) for place in places}
            assert offbeats & wanted, (style, swing, offbeats)
            if swing == 0:
                assert offbeats <= {
                    0.0,
                    1.0,
                    *(round(place / 12, 3) for place in range(12)),
                    0.125,
                    0.375,
                    0.625,
                    0.875,
                }


# -- rows


def test_rows_of_one_meter_are_carried_over_to_every_other() -> None:
    waltz = "R---5---8---"
    for meter in ((2, 4), (3, 4), (4, 4), (5, 4), (6, 8), (7, 8)):
        text = carried(waltz, (3, 4), meter)
        assert len(text) % steps_in_bar(meter) == 0, meter
        assert text[0] == "R"
    assert carried(waltz, (3, 4), (3, 4)) == waltz
    assert carried("x---o---x---o---", None, (3, 4)) == "x---o---o---"
    assert (
        carried("x---x-x---x-", (6, 8), (4, 4)) == "x-x-x-x-" * 2
        or carried("x-----x-----", (6, 8), (4, 4)) == "x---" * 4
    )
    assert fitting(("x---", "3/4: x--", "6/8: y"), (3, 4)) == ("3/4: x--",)
    assert fitting(("x---", "3/4: x--"), (5, 4)) == ("x---",)


def test_a_style_that_is_all_in_three_plays_in_four(monkeypatch: pytest.MonkeyPatch) -> None:
    row = dict.fromkeys(("low", "mid", "high"), ("3/4: R---5---8---",) * 4)
    comp = dict.fromkeys(("low", "mid", "high"), ("3/4: b...x...x...",) * 4)
    beat = dict.fromkeys(("low", "mid", "high"), ("3/4: kick x........... | hat x...x...x...",) * 6)
    style = replace(STYLES["rock"], bass=row, comps=comp, beats=beat, fills=("3/4: snare ........xxxx",), free=0.0)
    monkeypatch.setitem(STYLES, "rock", style)
    for meter in METERS:
        score = compose(planned("rock", 2, 20, meter=meter, humanize=0.0))
        bass = track(score, "bass")
        assert bass is not None
        assert any(note.start % score.beats_per_bar == 0 for note in bass.notes)


def test_riffs_are_played_in_unison(monkeypatch: pytest.MonkeyPatch) -> None:
    style = replace(
        STYLES["rock"], riffs=("1-1-3-1-5-b-4-3-",), riff_by={"bass": 1.0, "chords": 1.0}, riff_in=("verse",), free=0.0
    )
    monkeypatch.setitem(STYLES, "rock", style)
    song = planned("rock", 2, 40, humanize=0.0)
    song = replace(song, sections=tuple(replace(one, name="verse") for one in song.sections))
    score = compose(song)
    bass, guitar = track(score, "bass"), track(score, "chords")
    assert bass is not None
    assert guitar is not None
    low = {(round(note.start, 2), note.pitch % 12) for note in bass.notes if note.start < song.last_beat}
    high = {(round(note.start, 2), note.pitch % 12) for note in guitar.notes if note.start < song.last_beat}
    assert len(low) >= 8
    assert len(low & high) > 0.9 * len(low)


def _comped(monkeypatch: pytest.MonkeyPatch, row: str) -> list[list[Note]]:
    """A bar of comping on a guitar, in groups of notes that belong to one stroke."""
    comps = dict.fromkeys(("low", "mid", "high"), (row,) * 4)
    monkeypatch.setitem(STYLES, "folk", replace(STYLES["folk"], comps=comps, free=0.0, riffs=(), transitions={}))
    song = planned("folk", 2, 30, humanize=1.0, meter="4/4")
    chords = track(compose(song), "chords")
    assert chords is not None
    groups: dict[int, list[Note]] = {}
    for note in chords.notes:
        if 4 <= note.start < 7.9:
            groups.setdefault(round(note.start), []).append(note)
    return list(groups.values())


def test_strums_go_down_and_up(monkeypatch: pytest.MonkeyPatch) -> None:
    strokes = _comped(monkeypatch, "d---u---d---u---")
    assert len(strokes) == 4
    down, up = (sorted(stroke, key=lambda note: note.start) for stroke in strokes[:2])
    assert [note.pitch for note in down] == sorted(note.pitch for note in down)
    assert [note.pitch for note in up] == sorted((note.pitch for note in up), reverse=True)
    assert np.mean([note.velocity for note in up]) < np.mean([note.velocity for note in down]) - 5


def test_boom_chuck_alternates_between_root_and_fifth(monkeypatch: pytest.MonkeyPatch) -> None:
    boom, chuck, other, _ = _comped(monkeypatch, "b---t---f---t---")
    assert len(boom) == len(other) == 1
    assert len(chuck) > 1
    assert boom[0].pitch != other[0].pitch


@pytest.mark.parametrize("kind", ["guide", "answer", "line", "harmony", "echo", "drone"])
def test_second_voices_have_many_ways(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    style = STYLES["rock"]
    monkeypatch.setitem(STYLES, "rock", replace(style, lead=replace(style.lead, counter=kind)))
    song = planned("rock", 3, 60, humanize=0.0)
    song = replace(song, band={**song.band, "counter": style.palette["counter"]}, named=("counter",))
    score = compose(song)
    voice, lead = track(score, "counter"), track(score, "lead")
    assert voice is not None
    assert lead is not None
    tune = {round(note.start, 2): note.pitch for note in lead.notes}
    together = [(note.pitch - tune[round(note.start, 2)]) for note in voice.notes if round(note.start, 2) in tune]
    if kind == "harmony":
        thirds = sum(abs(step) % 12 in (3, 4, 8, 9) for step in together)
        assert thirds > 0.8 * len(together) > 8
    if kind == "drone":
        assert {note.pitch % 12 for note in voice.notes if note.start < song.last_beat} <= {
            song.key.tonic,
            (song.key.tonic + 7) % 12,
        }
    if kind == "line":
        assert sum(step == 0 for step in together) < 0.15 * max(1, len(together))


def test_half_time_halves_the_backbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    snares = {}
    for odds in (0.0, 1.0):
        monkeypatch.setitem(STYLES, "rock", replace(STYLES["rock"], half_time={"chorus": odds}, free=0.0))
        song = planned("rock", 3, 60, meter="4/4")
        section = next(one for one in song.sections if one.name == "chorus")
        drums = track(compose(song), "drums")
        assert drums is not None
        low = section.start * 4.0
        snares[odds] = sum(
            note.pitch == 38 and note.velocity > 70 and low <= note.start < low + 11.9 for note in drums.notes
        )
    assert snares[1.0] <= snares[0.0] * 0.7


def test_the_band_stops_dead_where_it_halts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STYLES, "rock", replace(STYLES["rock"], transitions={"halt": 1.0}))
    song = planned("rock", 3, 60, meter="4/4")
    score = compose(song)
    bass = track(score, "bass")
    assert bass is not None
    turns = [one for one, after in itertools.pairwise(song.sections) if abs(one.energy - after.energy) >= 0.05]
    halted = [section for section in turns if section.bars >= 4 and section.name != "intro"]
    assert halted
    for section in halted:
        end = (section.start + section.bars) * 4.0
        assert not [note for note in bass.notes if end - 2.9 <= note.start < end - 0.1]


def test_drums_are_announced_by_a_fill() -> None:
    """Where drums come in after a section without them, most of the time a fill leads there."""
    entries = fills = 0
    for style in ("pop_ballad", "soul", "lofi", "country", "waltz"):
        for seed in range(6):
            song = planned(style, seed, 60)
            drums, playing = track(compose(song), "drums"), plays(song, STYLES[style], "drums")
            for before, after in itertools.pairwise(song.sections) if drums else ():
                if before.id in playing or playing.get(after.id, (1, 1))[0] or after.energy < 0.5 or before.bars < 2:
                    continue
                end = after.start * song.beats_per_bar
                entries += 1
                fills += any(end - 2.1 <= note.start < end - 0.05 for note in drums.notes)  # type: ignore[union-attr]
    assert entries > 4
    assert 0.3 <= fills / entries < 1


def test_bent_rows_keep_their_bones() -> None:
    """First beat, backbeat, four to the floor and the clave stay; something else changes in most songs."""
    row = "kick x...x...x...x... | snare ....X..o....X... | hat x.x.x.x.x.x.x.x. | clave x..x..x...x.x..."
    seen = set()
    for seed in range(40):
        bent = bent_beat(row, 1.0, np.random.default_rng(seed))
        lanes = dict(lanes_of(bent)[1])
        assert all(len(text) == 16 for text in lanes.values())
        assert all(lanes["kick"][step] == "x" for step in (0, 4, 8, 12))
        assert lanes["snare"][4] == lanes["snare"][12] == "X"
        assert lanes["clave"] == "x..x..x...x.x..."
        seen.add(bent)
    assert len(seen) > 30
    assert bent_beat(row, 0.0, np.random.default_rng(1)) == row
    lines = {bent_line("3/4: R---5---8-a-", 1.0, np.random.default_rng(seed), "r", "58") for seed in range(40)}
    assert len(lines) > 10
    assert all(line.startswith("3/4: R") and len(line) == 17 for line in lines)


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
            counts.append(_notes(score))
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


# -- tables, and speed


def test_tables_are_rich_and_well_formed() -> None:
    for name, style in STYLES.items():
        for level in ("low", "mid", "high"):
            assert len(style.beats[level]) >= 6, name
            assert len(style.bass[level]) >= 4, name
            assert len(style.comps[level]) >= 4, name
        assert len(style.fills) >= 4
        assert all(len(rows) >= 6 for rows in style.progressions.values()), name
        for row in (*itertools.chain(*style.beats.values()), *style.fills):
            meter, lanes = lanes_of(row)
            width = meter[0] * 16 // meter[1] if meter else 16
            assert all(lane in LANES and len(text) % width == 0 for lane, text in lanes), (name, row)
        lines = (*style.bass.values(), *style.comps.values(), style.arps, style.pads, style.riffs)
        for row in itertools.chain(*lines):
            meter, text = split(row)
            assert text.startswith("K") or len(text) % (meter[0] * 16 // meter[1] if meter else 16) == 0, (name, row)
        for row in itertools.chain(*style.progressions.values()):
            assert [chord(numeral, Key.parse("C minor")) for bar in row.split()[1:] for numeral in bar.split(",")]


def test_composing_is_quick() -> None:
    composed("house", 1, 30)
    begin = time.process_time()
    composed("psytrance", 2, 600)
    assert time.process_time() - begin < 2.0  # 0.5 s on a quiet core
