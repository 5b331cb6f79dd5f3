"""A game pack: what is said of it is measured on its sound, and the music read from its notes."""

from dataclasses import replace

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import resample_poly

from composer import loop, pack, packed
from composer.arrange import compose
from composer.plan import plan
from engines.composer import Composer
from song.errors import CannotMake
from song.progress import silent
from song.request import Generate

RATE = 48_000
PLAN = plan(Generate(prompt="synthwave, 120 bpm, A minor", form="verse 4, chorus 4, verse 4", seed=3, duration=26))
SCORE = compose(PLAN)
SPAN = loop.chosen(PLAN, bar=5, bars=4)
BAR = 2 * RATE


@pytest.fixture(scope="module")
def made():
    return Composer().packed(PLAN, SCORE, SPAN, silent)


@pytest.fixture(scope="module")
def passages():
    return {one.name: one for one in pack.passages(PLAN, SCORE, SPAN)}


def level(samples: np.ndarray) -> float:
    return 10 * np.log10(np.square(samples, dtype=np.float64).mean())


def peak(samples: np.ndarray) -> float:
    return 20 * np.log10(np.abs(resample_poly(samples.astype(np.float64), 8, 1, axis=1)).max())


def test_layers_are_loops_of_one_length_that_sum_without_clipping(made):
    layers, cues = made[0].layers, made[1]
    assert {audio.samples.shape for audio in layers.values()} == {(2, 4 * BAR)}
    stacks = np.cumsum([audio.samples for audio in layers.values()], axis=0)
    # Played twice, so that what the end becomes in the head is among what is measured.
    assert all(peak(np.tile(stack, 2)) <= -1.0 for stack in stacks)
    assert pyloudnorm.Meter(RATE).integrated_loudness(stacks[-1].T) == pytest.approx(-20, abs=0.3)
    assert all(level(audio.samples) > -40 and loop.seam_db(audio) <= 0 for audio in layers.values())
    assert all(one["seam_db"] <= 0 and one["loop_end"] == 4 * BAR for one in cues["layers"])
    players = [name for one in cues["layers"] for name in one["players"]]
    assert len(set(players)) == len(players) == len(SCORE.tracks), "everybody plays in one layer"


def test_stacked_they_are_the_theme_sample_by_sample_where_it_was(made):
    theme = Composer().looped(PLAN, SCORE, SPAN, {}, silent).samples.sum(axis=0)
    stack = sum(audio.samples for audio in made[0].layers.values()).sum(axis=0)
    spectra = [np.fft.rfft(one) for one in (theme, stack)]
    match = np.fft.irfft(spectra[0] * np.conj(spectra[1])) / np.linalg.norm(theme) / np.linalg.norm(stack)
    assert int(match.argmax()) in (0, 1, len(match) - 1) and match.max() > 0.8


def test_nothing_that_a_game_plays_at_once_clips(made):
    passages, layers = made[0].passages, made[0].layers
    assert all(peak(audio.samples) <= -1.0 and np.abs(audio.samples[:, -1]).max() < 1e-3 for audio in passages.values())
    whole = sum(audio.samples for audio in layers.values())
    for name, under in (("up", whole), ("down", layers["calm"].samples)):
        ring = passages[name].samples[:, 2 * BAR :]
        assert ring.shape[1] == round(pack.RING * RATE) and peak(ring + under[:, : ring.shape[1]]) <= -1.0


def test_transitions_lead_from_low_to_high_and_back_over_the_chords_of_the_theme(made, passages):
    up, down = (made[0].passages[name].samples for name in ("up", "down"))
    assert level(up[:, BAR : 2 * BAR]) > level(up[:, :BAR]) + 1
    assert level(down[:, BAR : 2 * BAR]) < level(down[:, :BAR]) - 1
    bar = PLAN.beats_per_bar
    theirs = [(one.start % bar, one.symbol) for one in SCORE.chords if 6 * bar <= one.start < 8 * bar]
    for name in ("up", "down"):
        score = passages[name].score
        assert (score.bpm, score.meter) == (PLAN.bpm, PLAN.meter)
        assert [(c.start % bar, c.symbol) for c in score.chords if 2 * bar <= c.start < 4 * bar] == theirs
    who = {name: {t.role for t in passages[name].score.tracks if t.notes[-1].end > 3 * bar + 0.1} for name in passages}
    calm = set(pack.layers(PLAN, SCORE, SPAN)["calm"])
    assert who["down"] <= calm < who["up"] and "lead" not in who["up"]


def test_stingers_end_on_the_tonic_which_one_rises_to_and_the_other_falls(made, passages):
    for name, way in (("win", 1), ("lose", -1)):
        score = passages[name].score
        assert score.chords[-1].root == PLAN.key.tonic and score.chords[-1].start == PLAN.beats_per_bar
        tune = [note.pitch for note in next(track for track in score.tracks if track.role == "lead").notes]
        assert len(tune) == 5 and all(way * step > 0 for step in np.diff(tune)) and tune[-1] % 12 == PLAN.key.tonic
        bass = next(track for track in score.tracks if track.role == "bass").notes[-1]
        assert (bass.pitch % 12, bass.start) == (PLAN.key.tonic, PLAN.beats_per_bar)
    assert {one["tonic_at"] for one in made[1]["stingers"]} == {BAR}


def test_the_cue_sheet_says_where_everything_lies(made):
    sounds, cues = made
    assert (cues["bpm"], cues["meter"], cues["bars"], cues["key"]) == (120, [4, 4], 4, "A minor")
    assert cues["barlines"] == [0, BAR, 2 * BAR, 3 * BAR] and (cues["samples"], cues["bar_samples"]) == (4 * BAR, BAR)
    assert cues["stacks"][1] == ["layer-1-calm.wav", "layer-2-motion.wav"]
    assert [one["next_at"] for one in cues["transitions"]] == [2 * BAR, 2 * BAR]
    lengths = {one["file"]: one["samples"] for one in (*cues["transitions"], *cues["stingers"])}
    assert lengths == {packed.file_of(name): audio.frames for name, audio in sounds.passages.items()}
    assert cues["chords"][0]["bar"] == 1 and cues["chords"][-1]["bar"] <= 4


def test_a_raised_chorus_stays_where_it_was_raised_to():
    sections = tuple(
        replace(one, shift=2 if one.start <= SPAN.first < one.start + one.bars else 0) for one in PLAN.sections
    )
    raised = replace(PLAN, sections=sections)
    ways = list(pack.passages(raised, compose(raised), SPAN))
    assert str(pack.key_of(raised, SPAN)) == "B minor"
    assert ways[-1].score.chords[-1].root == (PLAN.key.tonic + 2) % 12


def test_bars_in_which_too_few_play_are_refused():
    few = replace(SCORE, tracks=SCORE.tracks[:2])
    with pytest.raises(CannotMake, match="only 2 of the band play, and a game pack needs 3"):
        pack.layers(PLAN, few, SPAN)
