"""Ears for tests: tempo and key signature from sound alone. Not the studio's own listening, and deliberately simple."""

import numpy as np
from scipy import signal

from song.audio import Audio

HOP = 480  # frames between onset values: 10 ms at 48 kHz


def onsets(audio: Audio) -> np.ndarray:
    """How much new energy each 10 ms bring, summed over the spectrum (log spectral flux), without its slow part."""
    mono = audio.samples.mean(axis=0)
    _, _, spectrum = signal.stft(mono, audio.sample_rate, nperseg=2048, noverlap=2048 - HOP, boundary=None)
    level = np.log1p(1000 * np.abs(spectrum))
    flux = np.maximum(0, np.diff(level, axis=1)).sum(axis=0)
    return np.maximum(0, flux - signal.medfilt(flux, 101))


def beat_strength(audio: Audio, bpm: float) -> float:
    """How much of the onsets' rhythm repeats with this beat: autocorrelation at 1, 2, 3 and 4 beats."""
    flux = onsets(audio)
    flux = flux - flux.mean()
    correlation = signal.correlate(flux, flux, mode="full", method="fft")[len(flux) - 1 :]
    correlation = correlation / np.arange(len(flux), 0, -1)
    period = 60 / bpm * audio.sample_rate / HOP
    lags = period * np.arange(1, 5)
    return float(np.interp(lags, np.arange(len(correlation)), correlation).mean() / correlation[0])


def tempo_near(audio: Audio, bpm: float) -> float:
    """The tempo within a tenth of `bpm` that the onsets repeat with best."""
    candidates = bpm * np.linspace(0.9, 1.1, 201)
    return float(max(candidates, key=lambda tempo: beat_strength(audio, tempo)))


def chroma(audio: Audio) -> np.ndarray:
    """Energy of the twelve pitch classes from C, 65-1000 Hz."""
    mono = audio.samples.mean(axis=0)
    hz, _, spectrum = signal.stft(mono, audio.sample_rate, nperseg=16384, noverlap=8192)
    energy = (np.abs(spectrum) ** 0.5).sum(axis=1)  # compressed, so that one loud note does not decide
    peaks, _ = signal.find_peaks(energy)
    peaks = peaks[(hz[peaks] > 65) & (hz[peaks] < 1000)]
    pitch = np.rint(12 * np.log2(hz[peaks] / 440) + 69).astype(int)
    return np.bincount(pitch % 12, weights=energy[peaks], minlength=12)


def best_transposition(audio: Audio, scale: tuple[int, ...]) -> int:
    """The tonic 0-11 whose scale holds most of the sound."""
    heard = chroma(audio)
    return int(np.argmax([heard[[(tonic + step) % 12 for step in scale]].sum() for tonic in range(12)]))


def longest_silence(audio: Audio, below_db: float = -60.0) -> float:
    """Seconds of the longest stretch below a level, between the first and the last sound."""
    loud = np.abs(audio.samples).max(axis=0) > 10 ** (below_db / 20)
    places = np.flatnonzero(loud)
    return float(np.diff(places).max() / audio.sample_rate) if len(places) > 1 else audio.duration
