"""What stands behind the voices of one patch: body, overdrive, chorus. Each works on a whole stem, in place.

Conventions: float32 (2, frames) at 48 kHz. Sources: Parker, Zavalishin & Le Bivic 2016 (antiderivative antialiasing);
Smith 2010, "Physical audio signal processing" (bodies as parallel resonances, chorus and rotating speakers).
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

import dsp
from dsp.filters import FUSED
from song.audio import SAMPLE_RATE

_RATE = float(SAMPLE_RATE)
_TINY = 1e-15
_BLOCK = 32
_LOOK = 150 * _BLOCK  # frames between two looks at whether anything sounds
_TAIL = 4 * _LOOK  # after which nothing is heard of a body or a copy


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
    """Run a stem through a chain, in place, where it sounds."""
    if not any((chain.low_cut, chain.body, chain.vowel, chain.drive, chain.high_cut, chain.chorus)):
        return
    spans = _sounding(stem)
    if chain.low_cut:
        _filter(stem, dsp.highpass(chain.low_cut, _RATE), spans)
    if chain.body:
        bank, (levels, direct) = np.concatenate([dsp.bandpass(hz, _RATE, q) for hz, q, _ in chain.body]), _levels(chain)
        for start, end in spans:
            _resonate(stem, start, end, bank, levels, direct)
    if chain.vowel:
        for start, end in spans:
            _speak(stem, start, end, chain.vowel, chain.vowel_beats * bpm / 60)
    if chain.drive:
        level = _playing_level(stem)
        for start, end in spans if level > 0 else []:
            _overdrive(stem, start, end, chain.drive * 0.126 / level)
    if chain.high_cut:
        stage = dsp.lowpass(chain.high_cut, _RATE, 0.6)
        _filter(stem, np.concatenate([stage, stage]) if chain.steep else stage, spans)
    if chain.chorus:
        for start, end in spans:
            _chorus(stem, start, end, chain.chorus, chain.chorus_rate, chain.chorus_depth * _RATE / 1000, chain.sway)


def _sounding(stem: np.ndarray) -> list[tuple[int, int]]:
    """Frames between which anything is heard of a dry stem or of what rings after it, whole numbers of blocks."""
    frames = stem.shape[1]
    starts = np.arange(0, frames, _LOOK)
    tops = np.maximum(np.maximum.reduceat(stem, starts, axis=1), -np.minimum.reduceat(stem, starts, axis=1)).max(axis=0)
    spans: list[tuple[int, int]] = []
    for start in starts[tops > 0].tolist():
        first = spans.pop()[0] if spans and start <= spans[-1][1] else start
        spans.append((first, min(frames, start + _LOOK + _TAIL)))
    return spans


def _filter(stem: np.ndarray, stages: np.ndarray, spans: list[tuple[int, int]]) -> None:
    for start, end in spans:
        dsp.filter_inplace(stem[:, start:end], stages)


def _levels(chain: Chain) -> tuple[np.ndarray, float]:
    return np.array([level for _, _, level in chain.body], np.float64), float(chain.direct)


def _playing_level(stem: np.ndarray) -> float:
    """RMS of the louder half of the stem: drive must not depend on how often an instrument rests."""
    blocks = stem[0, : stem.shape[1] // 4800 * 4800 : 4].reshape(-1, 1200)
    power = np.sort((blocks * blocks).mean(axis=1)) if len(blocks) else np.zeros(1)
    power = power[power > 1e-9]
    return math.sqrt(float(power[len(power) // 2 :].mean())) if len(power) else 0.0


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _resonate(stem, start, end, bank, levels, direct):
    count = bank.shape[0]
    state = np.zeros((count, 4))
    for i in range(start, end):
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
def _speak(stem, start, end, level, rate):
    # Two formants between "oo" (330, 870 Hz) and "ah" (730, 1250 Hz) (Peterson & Barney 1952).
    state = np.zeros((2, 4))
    for begin in range(start, end, _BLOCK):
        open_ = 0.5 + 0.5 * math.cos(6.283185307 * rate * begin / _RATE)
        g1 = math.tan(math.pi * (330.0 + 400.0 * open_) / _RATE)
        g2 = math.tan(math.pi * (870.0 + 380.0 * open_) / _RATE)
        f1 = 1.0 / (1.0 + g1 * (g1 + 0.18))
        h1 = 1.0 / (1.0 + g2 * (g2 + 0.14))
        for side in range(2):
            a, b, c, d = state[side, 0], state[side, 1], state[side, 2], state[side, 3]
            for i in range(begin, min(begin + _BLOCK, end)):
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


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED, error_model="numpy")
def _bend(row, gain, bias, x, area, y):
    # x / sqrt(1 + x^2), a valve-like curve whose integral costs one square root, as the slope of that integral from
    # each frame to the next. `x` and `area` begin with the last frame of the block before.
    x[0], area[0] = x[_BLOCK], area[_BLOCK]
    for i in range(row.shape[0]):
        x[i + 1] = gain * row[i] + bias
        area[i + 1] = math.sqrt(1.0 + x[i + 1] * x[i + 1])
    for i in range(row.shape[0]):
        step = x[i + 1] - x[i]
        middle = 0.5 * (x[i + 1] + x[i])
        plain = middle / math.sqrt(1.0 + middle * middle)
        y[i] = (area[i + 1] - area[i]) / step if abs(step) > 1e-4 else plain


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _overdrive(stem, start, end, gain):
    bias = 0.15  # a little lopsided: even harmonics
    x, area, y = np.empty(_BLOCK + 1), np.empty(_BLOCK + 1), np.empty(_BLOCK)
    for side in range(2):
        x[_BLOCK], area[_BLOCK] = bias, math.sqrt(1.0 + bias * bias)
        block = bias / math.sqrt(1.0 + bias * bias)
        for begin in range(start, end, _BLOCK):
            here = min(_BLOCK, end - begin)
            _bend(stem[side, begin : begin + here], gain, bias, x, area, y)
            for i in range(here):
                block = 0.0015 * y[i] + 0.9985 * block  # the bias, and what it became, must not stay as DC
                stem[side, begin + i] = 0.4 * (y[i] - block)


@njit(cache=True, nogil=True)
def _chorus(stem, start, end, level, rate, depth, sway):
    mask = 2047
    ring = np.zeros((2, mask + 1), np.float32)
    keep = 1.0 / math.sqrt(1.0 + level * level)
    base = 1.2 * depth + 240.0
    lag = np.zeros(2)
    slope = np.zeros(2)
    for begin in range(start, end, _BLOCK):
        for side in range(2):
            turn = rate * (begin + _BLOCK) / _RATE + 0.25 * side
            goal = base + depth * (0.75 * math.sin(6.283185307 * turn) + 0.25 * math.sin(6.283185307 * 2.37 * turn))
            if begin == start:
                lag[side] = goal
            slope[side] = (goal - lag[side]) / _BLOCK
        move = sway * math.sin(6.283185307 * rate * begin / _RATE)
        for i in range(begin, min(begin + _BLOCK, end)):
            ring[0, i & mask] = stem[0, i]
            ring[1, i & mask] = stem[1, i]
            for side in range(2):
                whole = int(lag[side])
                part = lag[side] - whole
                a, b = ring[side, (i - whole) & mask], ring[side, (i - whole - 1) & mask]
                lag[side] += slope[side]
                wet = a + (b - a) * part
                stem[side, i] = keep * (stem[side, i] + level * wet) * (1.0 + (move if side == 0 else -move))
