"""Sections, players and knobs: what the plan says is what is played."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench import symbolic
from composer import form
from composer.arrange import compose, plays
from composer.plan import STYLES, plan
from composing import count, pitched, planned, track
from song.request import Generate

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


# -- the knobs


def test_density_fills_and_complexity_colours() -> None:
    for style in ("lofi", "rock", "house", "soul", "metal", "folk"):
        full, tones, strange = [], [], []
        for value in (0.0, 0.5, 1.0):
            songs = [planned(style, seed, 60) for seed in range(3)]
            full.append(sum(count(compose(replace(one, density=value))) for one in songs))
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
