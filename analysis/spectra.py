"""Sound -> what is in it when: onsets in three bands, and energy at every third of a semitone.

Conventions: both are read at fixed frame rates of their own; a frame's time is that of the middle of its window.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy import fft, signal

from song.audio import Audio

ONSET_RATE = 100  # onset frames in a second
TONE_RATE = 20  # frames of the log-frequency spectrum in a second
BINS_PER_SEMITONE = 3
LOW, HIGH = 24, 104  # MIDI pitches of the log-frequency spectrum: C1 to G#7
_BANDS_HZ = (0.0, 150.0, 2000.0, 9000.0)  # what drums call low, mid and high
_ROOMS = (
    (LOW, 52, 0.70, 1500),
    (52, 76, 0.36, 6000),
    (76, HIGH, 0.18, 12000),
)  # pitches, window in s, least rate in Hz


@dataclass(frozen=True, eq=False)
class Sound:
    """One channel, at a rate that holds what is listened to."""

    mono: np.ndarray  # float32 (frames,)
    rate: float

    @property
    def duration(self) -> float:
        return len(self.mono) / self.rate


def mono(audio: Audio) -> Sound:
    """Both channels together at 20-30 kHz: what lies above 10 kHz tells of no note or beat."""
    mixed = audio.samples.mean(axis=0)
    return thinned(Sound(mixed, float(audio.sample_rate)), 20_000)


def thinned(sound: Sound, least_rate: float) -> Sound:
    """At the lowest whole fraction of its rate that is at least `least_rate`."""
    by = int(sound.rate // least_rate)
    if by < 2:
        return sound
    return Sound(signal.resample_poly(sound.mono, 1, by).astype(np.float32), sound.rate / by)


def frames(sound: Sound, frame_rate: float, window_s: float) -> Iterator[tuple[int, np.ndarray]]:
    """Windows around every 1/frame_rate s, in blocks of (first frame, (frames, samples)) so that long songs fit."""
    length = round(window_s * sound.rate)
    padded = np.pad(sound.mono, (length // 2, length))
    count = int(sound.duration * frame_rate) + 1
    starts = np.rint(np.arange(count) * sound.rate / frame_rate).astype(int)
    views = np.lib.stride_tricks.sliding_window_view(padded, length)
    for first in range(0, count, 1000):
        yield first, views[np.minimum(starts[first : first + 1000], len(views) - 1)]


def onsets(sound: Sound) -> np.ndarray:
    """How much begins in each 10 ms, (3 bands, frames): log spectral flux, each band less its own slow part."""
    window_s = 0.04
    length = round(window_s * sound.rate)
    window = signal.get_window("hann", length).astype(np.float32)
    to_bands, groups = _onset_bands(length, sound.rate)
    level = np.concatenate(
        [np.log1p(1000 * (power(block * window) @ to_bands)) for _, block in frames(sound, ONSET_RATE, window_s)]
    )
    rise = np.maximum(0, level[2:] - level[:-2]).T  # over 20 ms: an attack is seldom shorter
    rise = np.pad(rise, ((0, 0), (1, 1)))
    flux = np.stack([rise[groups == band].mean(axis=0) for band in range(3)])
    slow = signal.convolve(flux, np.full((1, 81), 1 / 81), mode="same")
    return np.maximum(0, flux - slow)


def power(block: np.ndarray) -> np.ndarray:
    spectrum = fft.rfft(block, axis=1)
    return spectrum.real**2 + spectrum.imag**2


@lru_cache(maxsize=8)
def _onset_bands(length: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """(bins, bands) that fold a spectrum into narrow bands, and which of low, mid and high each belongs to."""
    hz = np.arange(length // 2 + 1) * rate / length
    edges = np.unique(np.concatenate([[30, 60, 100, 150], np.geomspace(150, min(9000, rate / 2 - 100), 28)]))
    centres = np.sqrt(edges[1:] * edges[:-1])
    fold = np.stack([(hz >= low) & (hz < high) for low, high in pairwise(edges)], axis=1)
    kept = fold.any(axis=0)
    groups = np.searchsorted(_BANDS_HZ[1:], centres[kept])
    fold = fold[:, kept].astype(np.float32)
    return fold / (length / 4) ** 2, groups  # a full-scale sine is about 1


def tones(sound: Sound, tuning: float | None = None) -> tuple[np.ndarray, float]:
    """Magnitude at every third of a semitone from LOW to HIGH, (bins, frames), and the tuning in semitones off A440.

    Three window lengths: basses need fine frequencies, trebles fine times. The tuning is read from where the energy
    lies between the semitones (Mauch and Dixon 2010), then the bins are laid on it.
    """
    rooms = [(low, high, _magnitudes(thinned(sound, rate), window), rate) for low, high, window, rate in _ROOMS]
    if tuning is None:
        tuning = _tuning(_log_bins(rooms, sound, 0.0))
    return _log_bins(rooms, sound, tuning), tuning


def _magnitudes(sound: Sound, window_s: float) -> np.ndarray:
    """(frames, bins), twice as many bins as the window asks for."""
    length = round(window_s * sound.rate)
    window = signal.get_window("hann", length).astype(np.float32) * np.float32(4 / length)
    return np.concatenate(
        [
            np.abs(fft.rfft(block * window, 2 * length, axis=1)[:, : length + 1])
            for _, block in frames(sound, TONE_RATE, window_s)
        ]
    )


def _log_bins(rooms: list[tuple[int, int, np.ndarray, int]], sound: Sound, tuning: float) -> np.ndarray:
    parts = []
    frames = min(len(magnitudes) for _, _, magnitudes, _ in rooms)
    for low, high, magnitudes, rate in rooms:
        kernel = _kernel(low, high, magnitudes.shape[1], thinned_rate(sound.rate, rate), round(tuning, 2))
        parts.append(kernel @ magnitudes[:frames].T)
    return np.concatenate(parts)


def thinned_rate(rate: float, least_rate: float) -> float:
    return rate / max(1, int(rate // least_rate))


@lru_cache(maxsize=16)
def _kernel(low: int, high: int, bins: int, rate: float, tuning: float) -> np.ndarray:
    """(log bins, FFT bins): raised cosines of a semitone's width, never narrower than a bin and a half."""
    pitches = np.arange(low, high, 1 / BINS_PER_SEMITONE) + tuning
    hz = np.linspace(0, rate / 2, bins)
    centre = 440 * 2 ** ((pitches - 69) / 12)
    half_width = np.maximum(centre * (2 ** (0.6 / 12) - 1), 1.5 * hz[1])
    away = np.abs(hz[None, :] - centre[:, None]) / half_width[:, None]
    kernel = np.where(away < 1, np.cos(np.pi / 2 * away) ** 2, 0)
    return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)


def _tuning(bins: np.ndarray) -> float:
    """Semitones, -0.5 to 0.5."""
    level = bins[(52 - LOW) * BINS_PER_SEMITONE :].mean(axis=1)
    angle = np.angle((level * np.exp(2j * np.pi * np.arange(len(level)) / BINS_PER_SEMITONE)).sum())
    return float(angle / (2 * np.pi))
