"""What is composed is music: it holds together, breathes, ends, and does what its plan says. Every test reads notes."""

import functools
import hashlib
import itertools
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from composer.arrange import compose, plays
from composer.drums import LANES, lanes_of
from composer.harmony import chord
from composer.plan import STYLES, Plan, plan
from composer.rhythm import Feel, swung
from composer.style import Groove
from composer.traits import groove_of
from composer.voicing import lead_voices
from song.key import MODES, Key
from song.request import Generate
from song.score import Note, Score, Track

PINNED = {
    "lofi": "2092b8f3",
    "house": "a4b2a1c3",
    "techno": "47f4cb40",
    "psytrance": "2c4477a4",
    "trap": "dc2f7b26",
    "cinematic": "2b6f6085",
    "ambient": "3d92fa31",
    "rock": "2d789f73",
    "jazz": "155a3354",
}
METERS = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8")


def planned(style: str, seed: int = 1, duration: float = 30, **knobs: Any) -> Plan:
    return plan(Generate(prompt="music", style=style, seed=seed, duration=duration, **knobs))


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
    """Jaccard similarity of (onset, pitch above the tonic) between the leads of ten seeds."""
    for style in STYLES:
        tunes = []
        for seed in range(10):
            song = planned(style, seed, 60)
            lead = track(composed(style, seed, 60), "lead")
            if lead:
                tunes.append({(round(note.start * 4), (note.pitch - song.key.tonic) % 12) for note in lead.notes})
        alike = [len(a & b) / len(a | b) for a, b in itertools.combinations(tunes, 2)]
        assert float(np.mean(alike)) < 0.08, style
        assert float(np.quantile(alike, 0.98)) < 0.15, style


def test_seeds_give_different_progressions_and_beats() -> None:
    for style in STYLES:
        songs = [composed(style, seed, 60) for seed in range(10)]
        harmonies = {tuple(((c.root - Key.parse(s.key).tonic) % 12, c.intervals) for c in s.chords) for s in songs}
        assert len(harmonies) >= 8, style


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
        grid = swung(np.arange(0, 16 * 64, 1 / 12), groove_of(song, STYLES[style]), (4, 4)) / 4
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
    score = composed(style, 3, 45, key=str(key))
    notes = [note for one in pitched(score) for note in one.notes]
    inside = sum(note.pitch % 12 in key.pitch_classes for note in notes) / len(notes)
    assert inside > (0.75 if style == "jazz" else 0.8)


def test_music_is_in_key_but_not_only_in_key() -> None:
    """Shares of notes of the scale over ten songs; real music lies near 0.92 to 0.98."""
    for style in STYLES:
        shares = []
        for seed in range(10):
            song = planned(style, seed, 60)
            notes = [note for one in pitched(composed(style, seed, 60)) for note in one.notes]
            shares.append(sum(note.pitch % 12 in song.key.pitch_classes for note in notes) / len(notes))
        assert (0.82 if style == "jazz" else 0.9) < float(np.mean(shares)) < 0.998, style


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
            song = planned(style, seed, 20, ending="ring")
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
        assert hits >= total * 0.9, style


# -- melody


@pytest.mark.parametrize("style", STYLES)
def test_tunes_walk_more_than_they_leap(style: str) -> None:
    leaps: list[int] = []
    for seed in range(10):
        lead = track(composed(style, seed, 60), "lead")
        leaps += [abs(a.pitch - b.pitch) for a, b in itertools.pairwise(lead.notes)] if lead else []
    share = np.array(leaps)
    assert 0.45 <= float(np.mean((share > 0) & (share <= 2))) <= 0.72
    assert float(np.mean(share > 7)) < 0.03
    assert float(np.mean(share == 0)) < 0.2


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
                bars.setdefault(int(note.start // 4), []).append(round(note.start % 4, 2))
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
                low, high = section.start * 4.0, (section.start + section.bars) * 4.0
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
            bars.setdefault(int(note.start // 4), []).append((round(note.start % 4, 2), note.pitch))
        patterns = [tuple(sorted(bar)) for bar in bars.values()]
        assert len(set(patterns)) >= max(5, len(patterns) * 0.2), style


def test_louder_sections_have_more_to_say() -> None:
    for style in ("house", "cinematic", "trap", "psytrance", "techno", "jazz"):
        song = planned(style, 3, 150)
        score = compose(song)
        weights = {}
        for section in song.sections:
            low, high = section.start * 4.0, (section.start + section.bars) * 4.0
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
            low, high = section.start * 4.0, (section.start + section.bars) * 4.0
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
            low, high = section.start * 4.0, (section.start + section.bars) * 4.0
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
    song = planned(style, 4, 60)
    whole = compose(song)
    for role in set(song.band) & {"drums", "lead", "counter", "arp"}:
        rest = compose(replace(song, band={name: part for name, part in song.band.items() if name != role}))
        assert rest.tracks == tuple(one for one in whole.tracks if one.role != role), role


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
        for row in (*itertools.chain(*style.bass.values()), *itertools.chain(*style.comps.values()), *style.arps):
            assert len(row) % 16 == 0 or row.startswith("K"), (name, row)
        for row in itertools.chain(*style.progressions.values()):
            assert [chord(numeral, Key.parse("C minor")) for bar in row.split()[1:] for numeral in bar.split(",")]


def test_composing_is_quick() -> None:
    composed("house", 1, 30)
    begin = time.process_time()
    composed("psytrance", 2, 600)
    assert time.process_time() - begin < 2.0  # 0.5 s on a quiet core
