"""Signal processing, judged by others: pyloudnorm and scipy."""

import math

import numpy as np
import pyloudnorm
import pytest
import soundfile  # noqa: F401  (numba and soundfile load in either order)
from scipy import signal

import dsp

RATES = (22_050, 44_100, 48_000, 96_000)


def music(seconds: float, rate: int, seed: int = 1) -> np.ndarray:
    """Noise bursts, square-ish tones and silence: peaks between samples, gates and transients to trip over."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    beat = np.exp(-((t * 2) % 1) * 6)
    tone = np.tanh(8 * np.sin(2 * np.pi * 220 * t)) * 0.4 + np.tanh(5 * np.sin(2 * np.pi * 1871 * t)) * 0.2
    sound = np.stack([tone * beat, tone * 0.7]) + 0.2 * beat * rng.standard_normal((2, len(t)))
    sound[:, t % 5 > 4] *= 0.001
    return sound.astype(np.float32)


def judged_peak(sound: np.ndarray, up: int = 4) -> float:
    return 20 * math.log10(np.abs(signal.resample_poly(sound, up, 1, axis=-1)).max())


@pytest.mark.parametrize("rate", RATES)
def test_loudness_agrees_with_pyloudnorm(rate):
    sound = music(9, rate)
    for part in (sound, sound[:1], sound * 0.03, sound[:, : rate // 2]):
        judge = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(part.T.astype(float))
        assert abs(dsp.loudness(part, rate) - judge) < 0.05


def test_loudness_of_a_reference_tone():
    t = np.arange(48_000 * 4) / 48_000
    tone = (np.sin(2 * np.pi * 997 * t) * 10 ** (-20 / 20)).astype(np.float32)
    assert abs(dsp.loudness(np.stack([tone, tone]), 48_000) + 20) < 0.03  # EBU tech 3341: -20 dBFS stereo is -20 LUFS
    assert abs(dsp.loudness(tone, 48_000) + 23.01) < 0.03


def test_short_sound_and_silence_have_a_loudness():
    burst = music(0.2, 48_000)
    assert -30 < dsp.loudness(burst, 48_000) < 0
    assert dsp.loudness(np.zeros((2, 48_000), np.float32), 48_000) == dsp.SILENCE_LUFS
    assert dsp.loudness(np.zeros((2, 0), np.float32), 48_000) == dsp.SILENCE_LUFS


def peaky() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    t = np.arange(48_000)
    return {
        "noise": rng.standard_normal((2, 48_000)).astype(np.float32) * 0.2,
        "quarter rate sine": np.sin(2 * np.pi * t / 4 + np.pi / 4)[None].astype(np.float32),
        "sine": (0.7 * np.sin(2 * np.pi * 5011.3 * t / 48_000))[None].astype(np.float32),
        "square": np.sign(np.sin(2 * np.pi * 441.7 * t / 48_000))[None].astype(np.float32) * 0.5,
        "music": music(3, 48_000),
        "one sample": np.eye(1, 1001, 500, dtype=np.float32),
        "short": np.ones((1, 3), np.float32),
    }


@pytest.mark.parametrize("name", peaky())
def test_true_peak_agrees_with_resampling(name):
    sound = peaky()[name]
    assert -0.05 <= dsp.true_peak(sound, 48_000) - judged_peak(sound) <= 0.1


def test_true_peak_of_silence():
    assert dsp.true_peak(np.zeros((2, 100), np.float32), 48_000) == -math.inf


@pytest.mark.parametrize("name", peaky())
@pytest.mark.parametrize("ceiling", (-1.0, -9.0))
def test_limit_holds_its_ceiling_for_every_judge(name, ceiling):
    sound = peaky()[name] * np.float32(1.7)
    limited = dsp.limit(sound, 48_000, ceiling)
    assert limited.dtype == np.float32 and limited.shape == sound.shape
    assert dsp.true_peak(limited, 48_000) <= ceiling + 1e-3
    assert max(judged_peak(limited), judged_peak(limited, 8)) <= ceiling + 0.01


def test_limit_leaves_quiet_sound_alone_and_brings_loud_sound_to_the_ceiling():
    sound = music(3, 48_000)
    assert np.array_equal(dsp.limit(sound * np.float32(0.1), 48_000, -1), sound * np.float32(0.1))
    assert judged_peak(dsp.limit(sound * np.float32(4), 48_000, -1)) > -1.3


def test_limit_does_not_click():
    t = np.arange(96_000) / 48_000
    loud = np.where((t > 0.8) & (t < 1.2), 3.0, 0.5)  # level jumps at zero crossings of a low tone
    tone = (np.sin(2 * np.pi * 50 * t) * loud).astype(np.float32)[None]
    highs = dsp.filter(dsp.limit(tone, 48_000, -1), np.concatenate([dsp.highpass(4000, 48_000)] * 3))
    assert np.abs(highs).max() < 0.01


def gain_at(cascade: np.ndarray, hz: float) -> float:
    return 20 * math.log10(abs(signal.sosfreqz(np.insert(cascade, 3, 1.0, axis=1), [hz], fs=48_000)[1][0]))


def test_filters_do_what_their_names_say():
    assert (
        abs(gain_at(dsp.highpass(1000, 48_000), 1000) + 3.01) < 0.01 and gain_at(dsp.highpass(1000, 48_000), 50) < -50
    )
    assert (
        abs(gain_at(dsp.lowpass(1000, 48_000), 1000) + 3.01) < 0.01 and gain_at(dsp.lowpass(1000, 48_000), 9000) < -36
    )
    assert abs(gain_at(dsp.bandpass(1000, 48_000), 1000)) < 0.01
    assert abs(gain_at(dsp.peak(1000, 6, 48_000), 1000) - 6) < 0.01
    assert abs(gain_at(dsp.low_shelf(500, 5, 48_000), 20) - 5) < 0.05
    assert abs(gain_at(dsp.high_shelf(2000, -7, 48_000), 20_000) + 7) < 0.1


def test_filter_is_scipys():
    sound = music(1, 48_000)
    cascade = np.concatenate([dsp.peak(700, 4, 48_000), dsp.highpass(90, 48_000)])
    expected = signal.sosfilt(np.insert(cascade, 3, 1.0, axis=1), sound, axis=-1)
    assert np.abs(dsp.filter(sound, cascade) - expected).max() < 1e-5
    assert np.abs(dsp.filter(sound[0], cascade) - expected[0]).max() < 1e-5


def test_fade_starts_and_ends_at_zero():
    faded = dsp.fade(np.ones((2, 4800), np.float32), 48_000, fade_in=0.01, fade_out=0.02)
    assert faded[0, 0] == 0 and abs(faded[0, -1]) < 1e-7 and faded[0, 2000] == 1
    assert np.all(np.diff(faded[0, :480]) > 0) and np.all(np.diff(faded[0, -960:]) < 0)


def test_reverb_dies_as_fast_as_asked():
    click = np.zeros((2, 48_000 * 3), np.float32)
    click[:, 0] = 1
    for seconds in (0.8, 2.0):
        tail = dsp.reverb(click, 48_000, seconds, damping=0.0).astype(float)
        decay = np.cumsum((tail**2).sum(0)[::-1])[::-1]
        decay_db = 10 * np.log10(decay / decay[0])
        t20 = (np.argmax(decay_db < -25) - np.argmax(decay_db < -5)) / 48_000 * 3
        assert 0.6 * seconds < t20 < 1.15 * seconds
        assert abs(np.corrcoef(tail)[0, 1]) < 0.2


def test_compress_lowers_what_is_loud_only():
    t = np.arange(96_000) / 48_000
    tone = np.stack([np.sin(2 * np.pi * 300 * t)] * 2).astype(np.float32)
    loud = dsp.compress(tone, 48_000, -20, 4)
    quiet = dsp.compress(tone * np.float32(0.02), 48_000, -20, 4)
    level = 20 * math.log10(np.abs(loud[:, 48_000:]).max())
    assert -15.5 < level < -12.0  # 17 to 20 dB over the threshold, 4:1
    assert abs(np.abs(quiet[:, 48_000:]).max() - 0.02) < 1e-4


def test_echo_repeats_from_side_to_side():
    click = np.zeros((2, 48_000), np.float32)
    click[:, 0] = 1
    dsp.echo(click, 48_000, 0.25, 0.5)
    energy = (click.reshape(2, 4, 12_000)[:, :, :6000] ** 2).sum(-1)
    assert energy[0, 1] > 10 * energy[1, 1] and energy[1, 2] > 10 * energy[0, 2] and energy[0, 3] < energy[0, 1]


def test_duck_curve_is_down_on_the_hit():
    curve = dsp.duck_curve(48_000, 48_000, np.array([0, 24_000]), 0.2)
    assert curve[24_000] > 0.99 and curve[23_700] == 0 and curve[24_000 + 4800] == pytest.approx(0.5, abs=0.01)
