"""A vocal by itself -> where it sings, and where each syllable may begin.

A vocal that was taken out of a song is never silent: something of the band leaks into it. So a voice is what stands
well above its own floor in the band that carries vowels, and a syllable begins where the spectrum of that band changes
most (Bello et al. 2005, "A Tutorial on Onset Detection in Music Signals"). Notes that are bound and runs on one vowel
count as syllables, too: who holds them against words has to bear with both.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage, signal

from analysis.spectra import Sound, frames, power, thinned
from song.audio import Audio

RATE = 100  # frames in a second
_LEAST_RATE = 16_000  # of the sound that is listened to
_VOICE = np.geomspace(180, 5000, 21)  # hertz: edges of the bands in which a voice is told
_LOUDEST = 2.0  # seconds: the level of a voice is what its loudest of them reach
_FLOOR, _CEILING = 28.0, 12.0  # dB below that level: where the line between voice and rest is sought
_BRIDGED, _BLIP = 9, 6  # frames: shorter rests and sounds are none
_NEAREST = 11  # frames between two syllables
_CLEAR = 0.2  # of the strongest onsets: what begins a syllable
_AROUND = 8  # frames after a rest in which an onset is that of the voice's entry
_DIP, _REST = 4.0, 22.0  # dB below the voice around: where a dip begins to count as a rest, and where it is a whole one


@dataclass(frozen=True, eq=False)
class Singing:
    """What may be syllables, in their order; arrays of seconds (n,).

    rests   the rest right before each, its dips weighed by their depth; the first one's is all that comes before it
    level   dB of the loudest seconds, in the band of the voice
    """

    starts: np.ndarray
    ends: np.ndarray
    rests: np.ndarray
    level: float


def singing(vocal: Audio) -> Singing:
    """Everything that may be a syllable."""
    bands = voice_bands(vocal)
    level = _decibels(ndimage.uniform_filter1d(bands.sum(axis=1), 5))
    loud = _loud(level)
    voiced = _voiced(level, loud)
    starts, ends = _syllables(voiced, _onsets(bands, loud))
    before = np.r_[0, np.cumsum(_resting(level, loud, voiced))]
    rests = np.diff(before[np.r_[0, starts]])
    return Singing(starts / RATE, ends / RATE, rests / RATE, loud)


def level_of(audio: Audio) -> float:
    """dB of the loudest seconds of any sound, as `Singing` has them of a voice."""
    return _loud(_decibels(ndimage.uniform_filter1d(voice_bands(audio).sum(axis=1), 5)))


def voice_bands(audio: Audio) -> np.ndarray:
    """Power in the bands of a voice, (frames, bands)."""
    sound = thinned(Sound(audio.samples.mean(axis=0), float(audio.sample_rate)), _LEAST_RATE)
    length = round(0.032 * sound.rate)
    window = signal.get_window("hann", length).astype(np.float32) * np.float32(4 / length)
    hz = np.arange(length // 2 + 1) * sound.rate / length
    fold = np.stack([(hz >= low) & (hz < high) for low, high in pairwise(_VOICE)], axis=1)
    fold = fold[:, fold.any(axis=0)].astype(np.float32)
    return np.concatenate([power(block * window) @ fold for _, block in frames(sound, RATE, 0.032)])


def _decibels(values: np.ndarray) -> np.ndarray:
    return 10 * np.log10(values + 1e-12)


def _loud(level: np.ndarray) -> float:
    most = min(len(level), round(_LOUDEST * RATE))
    return float(np.partition(level, len(level) - most)[len(level) - most])


def _voiced(level: np.ndarray, loud: float) -> np.ndarray:
    """Whether there is a voice, (frames,): above the level that parts the frames best in two, of all that may."""
    line = _parting(level[level > loud - 50]) if np.ptp(level) else loud
    voiced = level > np.clip(line, loud - _FLOOR, loud - _CEILING)
    return ndimage.binary_opening(ndimage.binary_closing(voiced, np.ones(_BRIDGED)), np.ones(_BLIP))


def _parting(values: np.ndarray) -> float:
    """Where two heaps of values part (Otsu 1979, "A Threshold Selection Method from Gray-Level Histograms")."""
    counts, edges = np.histogram(values, 60)
    below, middles = np.cumsum(counts)[:-1], (edges[1:] + edges[:-1]) / 2
    sums = np.cumsum(counts * middles)
    total = len(values)
    between = (sums[-1] * below / total - sums[:-1]) ** 2 / np.maximum(1, below * (total - below))
    return float(edges[1 + int(between.argmax())])


def _onsets(bands: np.ndarray, loud: float) -> np.ndarray:
    """How much begins, (frames,): the rise of log power over 30 ms."""
    heard = np.log1p(bands / (10 ** (loud / 10) / bands.shape[1] * 0.01))
    rise = np.maximum(0, heard[3:] - heard[:-3]).mean(axis=1)
    return ndimage.gaussian_filter1d(np.pad(rise, (2, 1)), 1.5)


def _syllables(voiced: np.ndarray, onsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First frames and ends of the syllables, whole numbers."""
    if not voiced.any():
        return np.zeros(0, int), np.zeros(0, int)
    height = _CLEAR * np.percentile(onsets[voiced], 95)
    peaks = signal.find_peaks(onsets, height=height, distance=_NEAREST)[0]
    edges = np.flatnonzero(np.diff(np.r_[False, voiced, False]))
    starts, ends = [], []
    for first, last in edges.reshape(-1, 2):
        inside = [int(first), *(int(peak) for peak in peaks if first + _AROUND < peak < last)]
        starts += inside
        ends += [*inside[1:], int(last)]
    return np.array(starts), np.array(ends)


def _resting(level: np.ndarray, loud: float, voiced: np.ndarray) -> np.ndarray:
    """How much each frame is a rest, 0-1: a reverb fills the rests of a voice, and they are dips."""
    around = ndimage.maximum_filter1d(ndimage.uniform_filter1d(level, 9), 2 * RATE)
    depth = np.minimum(around, loud + 3) - level
    return np.where(voiced, np.clip((depth - _DIP) / (_REST - _DIP), 0, 1), 1.0)
