"""The desk: balance, space, endings and the master, judged by numbers that ears follow."""

import math

import numpy as np
import pytest

import dsp
from composer import automation, character, mix, strip, synth
from composer.arrange import compose
from composer.plan import STYLES, Plan, Section
from composer.plan import plan as make_plan
from composer.style import Mix
from song.audio import SAMPLE_RATE
from song.errors import Cancelled
from song.request import Generate
from song.score import Note, Score
from tiny_songs import part, plan, score, small_band


def made(ending: str = "ring", duration: float = 8.0, **changes) -> tuple[mix.Mixdown, Score, Plan]:
    band, notes = small_band(int(2 * duration) - 2)
    song, agreed = score(band, notes), plan(band, duration, ending, **changes)
    return mix.mixdown(synth.render(song, agreed), song, agreed), song, agreed


@pytest.fixture(scope="module")
def finished() -> tuple[mix.Mixdown, Score, Plan]:
    return made()


def total(result: mix.Mixdown) -> np.ndarray:
    return np.sum(list(result.stems.values()), axis=0, dtype=np.float32)


def test_the_master_is_made_of_the_sum_of_the_stems(finished):
    result, song, agreed = finished
    assert list(result.stems) == [track.role for track in song.tracks] + ["reverb"]
    for stem in result.stems.values():
        assert stem.dtype == np.float32 and stem.shape == (2, 8 * SAMPLE_RATE)
    assert np.abs(mix.mastered(total(result), agreed) - result.master).max() < 1e-5


def test_stems_have_the_loudness_of_their_parts(finished):
    result, _, agreed = finished
    for role, player in agreed.band.items():
        assert abs(dsp.loudness(result.stems[role], SAMPLE_RATE) - player.lufs) < 1.6, role
    assert -40 < dsp.loudness(result.stems["reverb"], SAMPLE_RATE) < -24


def test_master_is_level_wide_and_clean(finished):
    result, _, _ = finished
    sound = result.master
    assert sound.dtype == np.float32 and sound.shape == (2, 8 * SAMPLE_RATE) and np.isfinite(sound).all()
    assert abs(dsp.loudness(sound, SAMPLE_RATE) + 18) < 1.5
    assert 0.6 < np.corrcoef(sound)[0, 1] < 0.97
    assert np.abs(sound.mean(axis=1)).max() < 1e-4
    crest = 20 * math.log10(np.abs(sound).max() / np.sqrt((sound**2).mean()))
    assert 9 < crest < 18
    assert not sound[:, : SAMPLE_RATE // 2 - 200].any() or np.abs(sound[:, : SAMPLE_RATE // 2 - 200]).max() < 1e-4


def test_bass_of_the_master_is_mono(finished):
    low = dsp.filter(finished[0].master, np.concatenate([dsp.lowpass(70, SAMPLE_RATE)] * 2))
    assert np.corrcoef(low)[0, 1] > 0.98


def test_same_song_same_master():
    first, second = made(duration=5.0)[0], made(duration=5.0)[0]
    assert np.array_equal(first.master, second.master)
    assert all(np.array_equal(first.stems[role], second.stems[role]) for role in first.stems)


@pytest.mark.parametrize("ending", ("ring", "stop", "fade"))
def test_every_ending_reaches_zero(ending):
    result, _, _ = made(ending)
    for sound in (*result.stems.values(), result.master):
        assert np.abs(sound[:, -1]).max() < 1e-6
        assert np.abs(sound[:, -48:]).max() < 1e-2 * np.abs(sound).max() + 1e-9
    early, late = (
        np.sqrt((total(result)[:, a : a + 12_000] ** 2).mean()) for a in (6 * SAMPLE_RATE, 8 * SAMPLE_RATE - 12_000)
    )
    assert late < 0.5 * early


def test_stop_stops():
    result, song, _ = made("stop")
    last = round(song.seconds(max(note.end for track in song.tracks for note in track.notes)) * SAMPLE_RATE)
    assert not result.stems["chords"][:, last + int(0.21 * SAMPLE_RATE) :].any()


def test_kick_ducks_the_bass():
    band = {"drums": part("house"), "pad": part("pad_warm", duck=0.0)}
    notes = {"drums": [Note(36, 110, beat, 0.2) for beat in range(0, 14, 2)], "pad": [Note(57, 90, 0.0, 14.0)]}
    depth = []
    for duck in (0.0, 0.8):
        band["pad"] = part("pad_warm", duck=duck)
        song, agreed = score(band, notes), plan(band)
        pad = mix.mixdown(synth.render(song, agreed), song, agreed).stems["pad"]
        levels = [
            np.sqrt((pad[:, s : s + 1200] ** 2).mean()) for s in range(2 * SAMPLE_RATE, 6 * SAMPLE_RATE, SAMPLE_RATE)
        ]
        between = [
            np.sqrt((pad[:, s : s + 4800] ** 2).mean())
            for s in range(int(2.7 * SAMPLE_RATE), 6 * SAMPLE_RATE, SAMPLE_RATE)
        ]
        depth.append(np.mean(levels) / np.mean(between))
    assert depth[1] < 0.45 * depth[0]


def test_pan_and_width_place_a_part():
    sides = []
    for pan in (-0.8, 0.0, 0.8):
        band = {"lead": part("flute", pan=pan, width=0.0, reverb=0.0)}
        song, agreed = score(band, {"lead": [Note(72, 90, 1, 6)]}), plan(band)
        left, right = np.sqrt((mix.mixdown(synth.render(song, agreed), song, agreed).stems["lead"] ** 2).mean(axis=1))
        sides.append(20 * math.log10(right / left))
    assert sides[0] < -9 and abs(sides[1]) < 0.1 and sides[2] > 9
    band = {"lead": part("flute", width=0.8)}
    song, agreed = score(band, {"lead": [Note(72, 90, 1, 6)]}), plan(band)
    wide = mix.mixdown(synth.render(song, agreed), song, agreed).stems["lead"]
    assert 0.2 < np.corrcoef(wide)[0, 1] < 0.95


def test_build_opens_the_filter():
    band = {"chords": part("supersaw", reverb=0.0)}
    sections = (Section("build", 0, 3, 0.6),)
    song = score(band, {"chords": [Note(57, 90, beat, 1.0) for beat in range(12)]})
    agreed = plan(band, sections=sections)
    sound = mix.mixdown(synth.render(song, agreed), song, agreed).stems["chords"]
    highs = dsp.filter(sound, dsp.highpass(4000, SAMPLE_RATE))
    early, late = (
        np.sqrt((highs[:, a : a + SAMPLE_RATE] ** 2).mean() / (sound[:, a : a + SAMPLE_RATE] ** 2).mean())
        for a in (SAMPLE_RATE // 2, int(4.5 * SAMPLE_RATE))
    )
    assert late > 2 * early


def test_tone_moves_towards_the_style():
    bright = made(mix=Mix(tone=(0, 0, 0, 0, 3, 6)))[0].master
    dark = made(mix=Mix(tone=(3, 2, 0, 0, -3, -6)))[0].master
    assert (mix.tone(bright) - mix.tone(dark))[5] > 4 and (mix.tone(bright) - mix.tone(dark))[0] < -1.5


@pytest.mark.parametrize("style", ("house", "jazz", "piano_solo", "metal"))
def test_master_has_the_tone_and_width_it_should(style):
    decided = make_plan(Generate(prompt=STYLES[style].name, style=style, duration=12, seed=21))
    song = compose(decided)
    sound = mix.mixdown(synth.render(song, decided), song, decided).master
    goal = np.array(mix.REFERENCE) + np.array(decided.mix.tone)
    assert np.abs(mix.tone(sound) - (goal - goal.mean())).max() < 3.0
    assert 0.55 < np.corrcoef(sound)[0, 1] < 0.92


def test_wider_is_less_alike():
    alike = [np.corrcoef(made(mix=Mix(width=width))[0].master)[0, 1] for width in (0.8, 1.6)]
    assert alike[1] < alike[0] - 0.08


def test_the_room_is_thrown_open_before_a_drop():
    sections = (Section("build", 0, 2, 0.5), Section("drop", 2, 2, 0.95))
    hands = automation.moves(plan({}, 9.0, sections=sections), 9 * SAMPLE_RATE)
    at = lambda seconds: int(seconds * SAMPLE_RATE / strip.GRID)  # noqa: E731
    assert hands.throw[at(3.75)] > 1.2 * hands.throw[at(2.0)]
    assert hands.cutoff[at(0.5)] < 4000 and hands.cutoff[at(6.0)] > 15_000
    assert hands.width[at(3.5)] < hands.width[at(6.0)] and hands.level[at(6.0)] > hands.level[at(1.0)]


def test_songs_of_a_style_have_characters_of_their_own():
    band = dict(STYLES["house"].palette)
    seen = [character.apply("house", band, STYLES["house"].mix, seed) for seed in range(12)]
    assert character.apply("house", band, STYLES["house"].mix, 3) == seen[3]
    assert len({repr(one) for one in seen}) == 12
    assert np.std([one[0]["chords"].lufs for one in seen]) > 1 and len({one[0]["lead"].patch for one in seen}) > 1
    for players, desk in seen:
        assert players.keys() == band.keys() and 0.3 < desk.reverb_seconds < 6 and 0 <= desk.drive <= 1
        assert all(
            abs(a - b) <= character.TONE_DB + 0.01 for a, b in zip(desk.tone, STYLES["house"].mix.tone, strict=True)
        )
        assert len({player.name for player in players.values()}) == len(players)


def test_a_named_instrument_and_a_mood_win_over_chance():
    band = dict(STYLES["house"].palette)
    for seed in range(8):
        players, _ = character.apply("house", band, STYLES["house"].mix, seed, ("chords",), ("dark",))
        assert (players["chords"].patch, players["chords"].name) == (band["chords"].patch, band["chords"].name)
        assert character.character("house", seed, ("dark",)).bright <= 0


def test_silence_stays_silence():
    band = {"lead": part("piano")}
    song, agreed = score(band, {"lead": []}), plan(band, 2.0)
    result = mix.mixdown(synth.render(song, agreed), song, agreed)
    assert np.isfinite(result.master).all() and np.abs(result.master).max() < 1e-6


def test_cancelling_stops_the_work():
    band, notes = small_band()
    song, agreed = score(band, notes), plan(band)

    def cancel(fraction: float, stage: str) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        synth.render(song, agreed, progress=cancel)
    with pytest.raises(Cancelled):
        mix.mixdown(synth.render(song, agreed), song, agreed, cancel)
