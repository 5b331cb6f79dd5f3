"""Filters: a biquad is (b0, b1, b2, a1, a2) with a0 = 1, a cascade is (stages, 5) float64.

Source: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad coefficients".
"""

import math
from collections.abc import Iterable

import numpy as np
from numba import njit

TINY = 1e-18  # keeps recursive filters out of denormal numbers, which are a hundred times slower
# Multiply and add in one step. With the sum that waits for nothing taken first, a recursion costs two such steps.
FUSED = {"contract"}


def highpass(hz: float, sample_rate: float, q: float = math.sqrt(0.5)) -> np.ndarray:
    """Second-order high-pass, (1, 5)."""
    cos, alpha = _angle(hz, sample_rate, q)
    return stage((1 + cos) / 2, -(1 + cos), (1 + cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)


def lowpass(hz: float, sample_rate: float, q: float = math.sqrt(0.5)) -> np.ndarray:
    """Second-order low-pass, (1, 5)."""
    cos, alpha = _angle(hz, sample_rate, q)
    return stage((1 - cos) / 2, 1 - cos, (1 - cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)


def bandpass(hz: float, sample_rate: float, q: float = 1.0) -> np.ndarray:
    """Second-order band-pass with 0 dB at its centre, (1, 5)."""
    cos, alpha = _angle(hz, sample_rate, q)
    return stage(alpha, 0.0, -alpha, 1 + alpha, -2 * cos, 1 - alpha)


def peak(hz: float, gain_db: float, sample_rate: float, q: float = 1.0) -> np.ndarray:
    """Bell, (1, 5)."""
    cos, alpha = _angle(hz, sample_rate, q)
    a = 10 ** (gain_db / 40)
    return stage(1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a)


def low_shelf(hz: float, gain_db: float, sample_rate: float, q: float = math.sqrt(0.5)) -> np.ndarray:
    """Shelf below `hz`, (1, 5)."""
    return _shelf(hz, gain_db, sample_rate, q, -1.0)


def high_shelf(hz: float, gain_db: float, sample_rate: float, q: float = math.sqrt(0.5)) -> np.ndarray:
    """Shelf above `hz`, (1, 5)."""
    return _shelf(hz, gain_db, sample_rate, q, 1.0)


def filter(samples: np.ndarray, cascade: np.ndarray) -> np.ndarray:
    """Run a cascade over (channels, frames) or (frames,), from rest."""
    sound = np.array(np.atleast_2d(samples), dtype=np.float32, order="C")
    filter_inplace(sound, cascade)
    return sound.reshape(np.shape(samples))


def filter_inplace(samples: np.ndarray, cascade: np.ndarray) -> None:
    """Like `filter`, overwriting float32 (channels, frames)."""
    stages = np.ascontiguousarray(cascade, np.float64)
    for left, right in pairs(samples):
        _run_cascade(left, right, stages)


def pairs(samples: Iterable[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Channels two by two; an odd last one comes with an empty partner."""
    empty = np.zeros(0, np.float32)
    rows = list(samples)
    return [(row, rows[i + 1] if i + 1 < len(rows) else empty) for i, row in enumerate(rows) if i % 2 == 0]


def _angle(hz: float, sample_rate: float, q: float) -> tuple[float, float]:
    w = 2 * math.pi * min(hz, 0.49 * sample_rate) / sample_rate
    return math.cos(w), math.sin(w) / (2 * q)


def stage(b0: float, b1: float, b2: float, a0: float, a1: float, a2: float) -> np.ndarray:
    return np.array([[b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0]])


def _shelf(hz: float, gain_db: float, sample_rate: float, q: float, side: float) -> np.ndarray:
    cos, alpha = _angle(hz, sample_rate, q)
    a = 10 ** (gain_db / 40)
    root = 2 * math.sqrt(a) * alpha
    return stage(
        a * ((a + 1) + side * (a - 1) * cos + root),
        -side * 2 * a * ((a - 1) + side * (a + 1) * cos),
        a * ((a + 1) + side * (a - 1) * cos - root),
        (a + 1) - side * (a - 1) * cos + root,
        side * 2 * ((a - 1) - side * (a + 1) * cos),
        (a + 1) - side * (a - 1) * cos - root,
    )


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _run_cascade(left, right, stages):
    # Two channels and two stages in one loop: each recursion waits only for itself, so the four overlap.
    paired = right.shape[0] == left.shape[0]
    for s in range(0, stages.shape[0] - 1, 2):
        if paired:
            _two_stages(left, right, stages[s], stages[s + 1])
        else:
            _stage(left, stages[s])
            _stage(left, stages[s + 1])
    if stages.shape[0] % 2 == 1:
        last = stages[stages.shape[0] - 1]
        if paired:
            _stage_of_both(left, right, last)
        else:
            _stage(left, last)


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _stage(sound, k):
    b0, b1, b2, a1, a2 = k[0], k[1], k[2], k[3], k[4]
    s1 = s2 = 0.0
    for i in range(sound.shape[0]):
        x = sound[i] + TINY
        y = b0 * x + s1
        s1 = (b1 * x + s2) - a1 * y
        s2 = b2 * x - a2 * y
        sound[i] = y


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _stage_of_both(left, right, k):
    b0, b1, b2, a1, a2 = k[0], k[1], k[2], k[3], k[4]
    l1 = l2 = r1 = r2 = 0.0
    for i in range(left.shape[0]):
        x = left[i] + TINY
        y = b0 * x + l1
        l1 = (b1 * x + l2) - a1 * y
        l2 = b2 * x - a2 * y
        left[i] = y
        x = right[i] + TINY
        y = b0 * x + r1
        r1 = (b1 * x + r2) - a1 * y
        r2 = b2 * x - a2 * y
        right[i] = y


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _two_stages(left, right, k, m):
    b0, b1, b2, a1, a2 = k[0], k[1], k[2], k[3], k[4]
    c0, c1, c2, d1, d2 = m[0], m[1], m[2], m[3], m[4]
    l1 = l2 = l3 = l4 = r1 = r2 = r3 = r4 = 0.0
    for i in range(left.shape[0]):
        x = left[i] + TINY
        y = b0 * x + l1
        l1 = (b1 * x + l2) - a1 * y
        l2 = b2 * x - a2 * y
        z = c0 * y + l3
        l3 = (c1 * y + l4) - d1 * z
        l4 = c2 * y - d2 * z
        left[i] = z
        x = right[i] + TINY
        y = b0 * x + r1
        r1 = (b1 * x + r2) - a1 * y
        r2 = b2 * x - a2 * y
        z = c0 * y + r3
        r3 = (c1 * y + r4) - d1 * z
        r4 = c2 * y - d2 * z
        right[i] = z
