"""Ears for tests: tempo and key signature from sound alone. Not the studio's own listening, and deliberately simple."""

import numpy as np
from scipy import ndimage, signal

from song.audio import Audio

HOP = 480  # frames between onset values: 10 ms at 48 kHz


def onsets(audio: Audio) -> np.ndarray:
    """How much new energy each 10 ms bring, over the spectrum (log spectral flux), without its slow part."""
    mono = audio.samples.mean(axis=0)
    _, _, spectrum = signal.stft(mono, audio.sample_rate, nperseg=2048, noverlap=2048 - HOP, boundary=None)
    level = np.log1p(1000 * np.abs(spectrum))
    flux = np.maximum(0, np.diff(level, axis=1)).sum(axis=0)
    return np.maximum(0, flux - ndimage.uniform_filter1d(flux, 101))


def rhythm(audio: Audio) -> np.ndarray:
    """Autocorrelation of the onsets, 1 at lag 0; lags of 10 ms."""
    flux = onsets(audio)
    flux = flux - flux.mean()
    correlation = signal.correlate(flux, flux, mode="full", method="fft")[len(flux) - 1 :]
    return correlation / np.arange(len(flux), 0, -1) / (flux**2).mean()


def tempo_near(audio: Audio, bpm: float) -> float:
    """The tempo within a tenth of `bpm` whose next eight beats repeat the onsets best."""
    repeats = rhythm(audio)
    candidates = bpm * np.linspace(0.9, 1.1, 201)
    lags = 60 / candidates[:, None] * audio.sample_rate / HOP * np.arange(1, 9)
    strengths = np.interp(lags, np.arange(len(repeats)), repeats).mean(axis=1)
    return float(candidates[strengths.argmax()])


def chroma(audio: Audio) -> np.ndarray:
    """Energy of the twelve pitch classes from C, 200-1400 Hz: below, the sidebands of fast notes lie a semitone off."""
    mono = audio.samples.mean(axis=0)
    hz, _, spectrum = signal.stft(mono, audio.sample_rate, nperseg=8192, noverlap=4096)
    inside = (hz > 200) & (hz < 1400)
    level = np.abs(spectrum[inside])
    # Only what stands out from its surroundings is a tone; drums are noise here.
    tones = np.maximum(0, level - 2 * ndimage.uniform_filter1d(level, 31, axis=0)).sum(axis=1)
    pitch = np.rint(12 * np.log2(hz[inside] / 440) + 69).astype(int)
    return np.bincount(pitch % 12, weights=np.sqrt(tones), minlength=12)


def likely_tonics(audio: Audio, scale: tuple[int, ...]) -> list[int]:
    """Tonics 0-11, the one whose scale holds most of the sound first. A fifth away differs by one note only."""
    heard = chroma(audio)
    held = [heard[[(tonic + step) % 12 for step in scale]].sum() for tonic in range(12)]
    return [int(tonic) for tonic in np.argsort(held)[::-1]]


def longest_silence(audio: Audio, below_db: float = -60.0) -> float:
    """Seconds of the longest stretch below a level, between the first and the last sound."""
    loud = np.abs(audio.samples).max(axis=0) > 10 ** (below_db / 20)
    places = np.flatnonzero(loud)
    return float(np.diff(places).max() / audio.sample_rate) if len(places) > 1 else audio.duration
