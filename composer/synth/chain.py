"""What stands behind the voices of one patch: body, overdrive, chorus. Each works on a whole stem, in place.

Conventions: float32 (2, frames) at 48 kHz. Sources: Parker, Zavalishin & Le Bivic 2016 (antiderivative antialiasing);
Smith 2010, "Physical audio signal processing" (bodies as parallel resonances, chorus and rotating speakers).
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

import dsp
from song.audio import SAMPLE_RATE

_RATE = float(SAMPLE_RATE)
_TINY = 1e-15
_BLOCK = 32


class Chain(NamedTuple):
    """In order: low cut, body, vowel, drive, high cut, chorus. Zero means none."""

    low_cut: float = 0.0  # hertz
    body: tuple[tuple[float, float, float], ...] = ()  # resonances: hertz, q, level beside the direct sound
    direct: float = 1.0  # level of the direct sound beside the body
    drive: float = 0.0  # gain into the overdrive at a stem level of -18 dB
    high_cut: float = 0.0  # hertz, 12 dB an octave
    steep: bool = False  # 24 dB an octave instead
    vowel: float = 0.0  # level of two resonances that move from "oo" to "ah" and back
    vowel_beats: float = 1.0  # cycles in a beat
    chorus: float = 0.0  # level of the modulated copies
    chorus_rate: float = 0.6  # hertz
    chorus_depth: float = 2.5  # milliseconds
    sway: float = 0.0  # loudness moving from side to side with the chorus, as a rotating horn does


def apply(stem: np.ndarray, chain: Chain, bpm: float = 120.0) -> None:
    """Run a stem through a chain, in place."""
    if chain.low_cut:
        dsp.filter_inplace(stem, dsp.highpass(chain.low_cut, _RATE))
    if chain.body:
        _resonate(stem, np.concatenate([dsp.bandpass(hz, _RATE, q) for hz, q, _ in chain.body]), *_levels(chain))
    if chain.vowel:
        _speak(stem, chain.vowel, chain.vowel_beats * bpm / 60)
    if chain.drive:
        level = _playing_level(stem)
        if level > 0:
            _overdrive(stem, chain.drive * 0.126 / level)
    if chain.high_cut:
        stage = dsp.lowpass(chain.high_cut, _RATE, 0.6)
        dsp.filter_inplace(stem, np.concatenate([stage, stage]) if chain.steep else stage)
    if chain.chorus:
        _chorus(stem, chain.chorus, chain.chorus_rate, chain.chorus_depth * _RATE / 1000, chain.sway)


def _levels(chain: Chain) -> tuple[np.ndarray, float]:
    return np.array([level for _, _, level in chain.body], np.float64), float(chain.direct)


def _playing_level(stem: np.ndarray) -> float:
    """RMS of the louder half of the stem: drive must not depend on how often an instrument rests."""
    blocks = stem[0, : stem.shape[1] // 4800 * 4800 : 4].reshape(-1, 1200)
    power = np.sort((blocks * blocks).mean(axis=1)) if len(blocks) else np.zeros(1)
    power = power[power > 1e-9]
    return math.sqrt(float(power[len(power) // 2 :].mean())) if len(power) else 0.0


@njit(cache=True, nogil=True)
def _resonate(stem, bank, levels, direct):
    count = bank.shape[0]
    state = np.zeros((count, 4))
    for i in range(stem.shape[1]):
        x, u = stem[0, i] + _TINY, stem[1, i] + _TINY
        left, right = direct * x, direct * u
        for k in range(count):
            b, a1, a2 = bank[k, 0], bank[k, 3], bank[k, 4]
            y = b * x + state[k, 0]
            state[k, 0] = state[k, 1] - a1 * y
            state[k, 1] = -b * x - a2 * y
            left += levels[k] * y
            v = b * u + state[k, 2]
            state[k, 2] = state[k, 3] - a1 * v
            state[k, 3] = -b * u - a2 * v
            right += levels[k] * v
        stem[0, i] = left
        stem[1, i] = right


@njit(cache=True, nogil=True)
def _speak(stem, level, rate):
    # Two formants between "oo" (330, 870 Hz) and "ah" (730, 1250 Hz) (Peterson & Barney 1952).
    state = np.zeros((2, 4))
    for begin in range(0, stem.shape[1], _BLOCK):
        open_ = 0.5 + 0.5 * math.cos(6.283185307 * rate * begin / _RATE)
        g1 = math.tan(math.pi * (330.0 + 400.0 * open_) / _RATE)
        g2 = math.tan(math.pi * (870.0 + 380.0 * open_) / _RATE)
        f1 = 1.0 / (1.0 + g1 * (g1 + 0.18))
        h1 = 1.0 / (1.0 + g2 * (g2 + 0.14))
        for side in range(2):
            a, b, c, d = state[side, 0], state[side, 1], state[side, 2], state[side, 3]
            for i in range(begin, min(begin + _BLOCK, stem.shape[1])):
                x = stem[side, i] + _TINY
                v = x - b
                u = f1 * a + g1 * f1 * v
                w = b + g1 * u
                a, b = 2.0 * u - a, 2.0 * w - b
                v = x - d
                y = h1 * c + g2 * h1 * v
                w = d + g2 * y
                c, d = 2.0 * y - c, 2.0 * w - d
                stem[side, i] = (1.0 - 0.6 * level) * x + level * (0.45 * u + 0.3 * y)
            state[side, 0], state[side, 1], state[side, 2], state[side, 3] = a, b, c, d


@njit(cache=True, nogil=True, inline="always")
def _soft(x):
    # Antiderivative of x / sqrt(1 + x^2), a valve-like curve whose integral costs one square root.
    return math.sqrt(1.0 + x * x)


@njit(cache=True, nogil=True)
def _overdrive(stem, gain):
    bias = 0.15  # a little lopsided: even harmonics
    for side in range(2):
        last = bias
        area = _soft(last)
        block = bias / math.sqrt(1.0 + bias * bias)
        for i in range(stem.shape[1]):
            x = gain * stem[side, i] + bias
            here = _soft(x)
            step = x - last
            if abs(step) > 1e-4:
                y = (here - area) / step
            else:
                middle = 0.5 * (x + last)
                y = middle / math.sqrt(1.0 + middle * middle)
            last, area = x, here
            block += (y - block) * 0.0015  # the bias, and what it became, must not stay as DC
            stem[side, i] = 0.4 * (y - block)


@njit(cache=True, nogil=True)
def _chorus(stem, level, rate, depth, sway):
    mask = 2047
    ring = np.zeros((2, mask + 1), np.float32)
    keep = 1.0 / math.sqrt(1.0 + level * level)
    base = 1.2 * depth + 240.0
    lag = np.zeros(2)
    slope = np.zeros(2)
    for begin in range(0, stem.shape[1], _BLOCK):
        for side in range(2):
            turn = rate * (begin + _BLOCK) / _RATE + 0.25 * side
            goal = base + depth * (0.75 * math.sin(6.283185307 * turn) + 0.25 * math.sin(6.283185307 * 2.37 * turn))
            if begin == 0:
                lag[side] = goal
            slope[side] = (goal - lag[side]) / _BLOCK
        move = sway * math.sin(6.283185307 * rate * begin / _RATE)
        for i in range(begin, min(begin + _BLOCK, stem.shape[1])):
            ring[0, i & mask] = stem[0, i]
            ring[1, i & mask] = stem[1, i]
            for side in range(2):
                whole = int(lag[side])
                part = lag[side] - whole
                a, b = ring[side, (i - whole) & mask], ring[side, (i - whole - 1) & mask]
                lag[side] += slope[side]
                wet = a + (b - a) * part
                stem[side, i] = keep * (stem[side, i] + level * wet) * (1.0 + (move if side == 0 else -move))
