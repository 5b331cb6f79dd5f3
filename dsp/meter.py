"""Loudness as ITU-R BS.1770-4 hears it, at any sample rate.

K-weighting at any rate: De Man 2014, "Evaluation of implementations of the EBU R128 loudness measurement".
"""

import math
from functools import partial

import numpy as np
from numba import njit

from dsp.filters import FUSED, TINY, pairs, stage
from dsp.hands import each

_HOPS = 200  # of 100 ms that one thread measures
SILENCE_LUFS = -70.0  # what `loudness` says of silence: the absolute gate of BS.1770


def k_weighting(sample_rate: float) -> np.ndarray:
    """The two stages of BS.1770's K filter at any rate, (2, 5); at 48 kHz they are the table of the recommendation."""
    k = math.tan(math.pi * 1681.9744509555319 / sample_rate)
    high = 10 ** (3.99984385397 / 20)
    band, q = high**0.499666774155, 0.7071752369554193
    shelf = stage(
        high + band * k / q + k * k,
        2 * (k * k - high),
        high - band * k / q + k * k,
        1 + k / q + k * k,
        2 * (k * k - 1),
        1 - k / q + k * k,
    )
    k, q = math.tan(math.pi * 38.13547087613982 / sample_rate), 0.5003270373253953
    rumble = stage(1, -2, 1, 1, 0, 0)  # the recommendation leaves this numerator unscaled
    rumble[0, 3:] = 2 * (k * k - 1) / (1 + k / q + k * k), (1 - k / q + k * k) / (1 + k / q + k * k)
    return np.concatenate([shelf, rumble])


def loudness(samples: np.ndarray, sample_rate: float) -> float:
    """Integrated loudness in LUFS with both gates of BS.1770-4; every channel weighs 1, as in mono and stereo.

    Sound shorter than one 400 ms block is measured whole. Silence, and whatever lies below the absolute gate,
    is SILENCE_LUFS.
    """
    return gated_loudness(hop_power(samples, sample_rate))


def hop_power(samples: np.ndarray, sample_rate: float) -> np.ndarray:
    """K-weighted power of every 100 ms, summed over channels, (hops,) float64; shorter sound gives one hop for all."""
    sound = [np.ascontiguousarray(row, np.float32) for row in np.atleast_2d(samples)]
    frames = len(sound[0])
    long_enough = frames >= round(0.4 * sample_rate)
    hops = int(frames * 10 / sample_rate) if long_enough else 1
    edges = (np.arange(hops + 1) * sample_rate / 10).astype(np.int64) if long_enough else np.array([0, frames])
    power, k = np.zeros(hops), k_weighting(sample_rate)
    for left, right in pairs(sound):
        each(partial(_hop_power, left, right, k, edges, power), range(0, hops, _HOPS))
    return power


def gated_loudness(power: np.ndarray) -> float:
    """LUFS from `hop_power`: 400 ms blocks that overlap by 75 %, gates at -70 LUFS and 10 LU below what is left."""
    blocks = np.convolve(power, np.full(4, 0.25), "valid") if len(power) >= 4 else power[:1]
    for gate_lufs in (SILENCE_LUFS, None):
        mean = blocks.mean() if blocks.size else 0.0
        gate = 10 ** ((gate_lufs + 0.691) / 10) if gate_lufs is not None else mean * 0.1
        blocks = blocks[blocks > gate]
    return float(-0.691 + 10 * math.log10(blocks.mean())) if blocks.size else SILENCE_LUFS


def loudest(power: np.ndarray, seconds: float) -> float:
    """LUFS of the loudest stretch of so many seconds, from `hop_power`; of all where that is shorter."""
    top = _levels(power, seconds).max(initial=0.0)
    return max(SILENCE_LUFS, -0.691 + 10 * math.log10(top)) if top > 0 else SILENCE_LUFS


def loudness_range(power: np.ndarray) -> float:
    """LU between the quiet and the loud, from `hop_power`: EBU Tech 3342, 3 s windows every 100 ms, gates at -70 LUFS
    and 20 LU below what is left, from the 10th to the 95th percentile."""
    levels = _levels(power, 3.0)
    levels = levels[levels > 10 ** ((SILENCE_LUFS + 0.691) / 10)]
    levels = levels[levels > levels.mean() * 0.01] if levels.size else levels
    if levels.size < 2:
        return 0.0
    low, high = np.percentile(levels, [10, 95])
    return float(10 * math.log10(high / low))


def _levels(power: np.ndarray, seconds: float) -> np.ndarray:
    """Mean power of every stretch of so many seconds."""
    hops = min(len(power), round(10 * seconds))
    return np.convolve(power, np.full(hops, 1 / hops), "valid") if hops else power


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _hop_power(left, right, k, edges, power, first):
    # _HOPS of them; two hops before bring the filter to where it would be if it had heard everything.
    a0, a1, a2, a3, a4 = k[0, 0], k[0, 1], k[0, 2], k[0, 3], k[0, 4]
    c3, c4 = k[1, 3], k[1, 4]
    paired = right.shape[0] == left.shape[0]
    l1 = l2 = l3 = l4 = r1 = r2 = r3 = r4 = 0.0
    for hop in range(max(0, first - 2), min(first + _HOPS, power.shape[0])):
        total = 0.0
        for i in range(edges[hop], edges[hop + 1]):
            x = left[i] + TINY
            y = a0 * x + l1
            l1 = (a1 * x + l2) - a3 * y
            l2 = a2 * x - a4 * y
            z = y + l3
            l3 = (l4 - 2.0 * y) - c3 * z
            l4 = y - c4 * z
            total += z * z
            if paired:
                x = right[i] + TINY
                y = a0 * x + r1
                r1 = (a1 * x + r2) - a3 * y
                r2 = a2 * x - a4 * y
                z = y + r3
                r3 = (r4 - 2.0 * y) - c3 * z
                r4 = y - c4 * z
                total += z * z
        if hop >= first:
            power[hop] += total / max(1, edges[hop + 1] - edges[hop])
