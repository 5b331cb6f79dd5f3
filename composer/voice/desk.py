"""The voice on the desk: sibilants tamed, level evened out, presence; and how the band makes room for it.

Conventions: float32 (2, frames) at 48 kHz, changed in place.
"""

import math

import numpy as np
from numba import njit

import dsp
from song.audio import SAMPLE_RATE

_SPLIT = 5200.0  # hertz: above it lie the sibilants
_HARSH = 0.55  # amplitude of the sibilants over that of everything, from which they are held back
_MOST = 0.3  # to which they are held back at most
UNDER = 0.18  # what the band gives way, of its amplitude: 1.7 dB
_OPEN, _CLOSE = 0.06, 0.35  # seconds in which the band gives way and comes back


def polish(stem: np.ndarray) -> None:
    """High-pass, de-esser, compressor, presence and air."""
    dsp.filter_inplace(stem, dsp.highpass(85, SAMPLE_RATE))
    _tame(stem, math.exp(-2 * math.pi * _SPLIT / SAMPLE_RATE))
    level = dsp.loudness(stem, SAMPLE_RATE)
    if level > dsp.SILENCE_LUFS:
        dsp.compress_inplace(stem, SAMPLE_RATE, level + 1, 3.0, 0.006, 0.12)
    stages = [dsp.peak(260, -1.5, SAMPLE_RATE, 0.9), dsp.peak(2900, 2.5, SAMPLE_RATE, 0.7)]
    dsp.filter_inplace(stem, np.concatenate([*stages, dsp.high_shelf(9000, 2.0, SAMPLE_RATE)]))


def presence(stem: np.ndarray) -> np.ndarray:
    """Where the voice sings, 0-1, float32 (frames,): up in a twentieth of a second, down in a third."""
    level = float(np.abs(stem[0]).max(initial=0.0))
    if not level:
        return np.zeros(0, np.float32)
    return _gate(
        stem, 0.02 * level, 1 - math.exp(-1 / (_OPEN * SAMPLE_RATE)), 1 - math.exp(-1 / (_CLOSE * SAMPLE_RATE))
    )


def give_way(stem: np.ndarray, sung: np.ndarray) -> None:
    """Lower a part by UNDER where `sung`, from `presence`, is 1."""
    if len(sung):
        stem *= 1 - np.float32(UNDER) * sung


@njit(cache=True, nogil=True)
def _tame(stem, pole):
    """Split each side at _SPLIT with one pole; where the upper part outweighs the whole, it is turned down."""
    low = np.zeros(2)
    hiss = whole = 1e-9
    gain = 1.0
    for i in range(stem.shape[1]):
        high0 = high1 = 0.0
        for side in range(2):
            low[side] = (1 - pole) * stem[side, i] + pole * low[side] + 1e-20
        high0, high1 = stem[0, i] - low[0], stem[1, i] - low[1]
        hiss += (high0 * high0 + high1 * high1 - hiss) * 0.006
        whole += (stem[0, i] ** 2 + stem[1, i] ** 2 - whole) * 0.0006
        wanted = 1.0
        if hiss > _HARSH * _HARSH * whole:
            wanted = max(_MOST, math.sqrt(_HARSH * _HARSH * whole / hiss))
        gain += (wanted - gain) * (0.02 if wanted < gain else 0.0008)
        stem[0, i] = low[0] + gain * high0
        stem[1, i] = low[1] + gain * high1


@njit(cache=True, nogil=True)
def _gate(stem, threshold, rise, fall):
    sung = np.zeros(stem.shape[1], np.float32)
    level = heard = 0.0
    for i in range(stem.shape[1]):
        heard = max(abs(stem[0, i]), heard * 0.9995)
        goal = 1.0 if heard > threshold else 0.0
        level += (goal - level) * (rise if goal > level else fall)
        sung[i] = level
    return sung
