"""Log-frequency spectrum -> how loud each note sounds in each stretch of time, overtones explained away.

Approximate transcription by non-negative least squares (Mauch and Dixon 2010): every spectrum is a sum of notes, and
every note a stack of harmonics that fall off evenly.
"""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from analysis.spectra import BINS_PER_SEMITONE, HIGH, LOW

NOTES = range(LOW, 96)  # C1 to B6
_FALL = 0.75  # each harmonic against the one below it
_ROUNDS = 25


def standing_out(tones: np.ndarray) -> np.ndarray:
    """The spectrum without its noise floor, and evened out, so that a soft treble counts as a loud bass does."""
    octave = 12 * BINS_PER_SEMITONE
    floor = ndimage.uniform_filter1d(tones, octave, axis=0)
    spread = np.sqrt(np.maximum(0, ndimage.uniform_filter1d((tones - floor) ** 2, octave, axis=0)))
    quiet = 0.03 * spread.max(axis=0, keepdims=True) + 1e-7
    return np.maximum(0, tones - floor) / (spread + quiet)


@lru_cache(maxsize=1)
def _dictionary() -> np.ndarray:
    """(bins, notes): the harmonics of each note, as the raised cosines of the spectrum show them."""
    bins = LOW + np.arange((HIGH - LOW) * BINS_PER_SEMITONE) / BINS_PER_SEMITONE
    harmonics = np.arange(1, 21)
    pitches = np.array(NOTES)[:, None] + 12 * np.log2(harmonics)
    away = np.abs(bins[:, None, None] - pitches) / 0.7
    shape = np.where(away < 1, np.cos(np.pi / 2 * away) ** 2, 0) @ (_FALL ** (harmonics - 1.0))
    return shape / np.linalg.norm(shape, axis=0)


def explained(spectrum: np.ndarray) -> np.ndarray:
    """Non-negative least squares by multiplicative updates (Lee and Seung 2001), all stretches at once."""
    words = _dictionary()
    seen, own = words.T @ spectrum, words.T @ words
    found = seen.copy()
    for _ in range(_ROUNDS):
        found *= seen / (own @ found + 1e-9)
    return found
