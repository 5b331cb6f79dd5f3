"""Filters: a biquad is (b0, b1, b2, a1, a2) with a0 = 1, a cascade is (stages, 5) float64.

Source: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad coefficients".
"""

import math

import numpy as np
from numba import njit

TINY = 1e-18  # keeps recursive filters out of denormal numbers, which are a hundred times slower


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


def pairs(samples: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
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


@njit(cache=True, nogil=True)
def _run_cascade(left, right, stages):
    # Two channels in one loop: each recursion waits only for itself, so the two overlap and the pair costs little more.
    frames = left.shape[0]
    paired = right.shape[0] == frames
    for s in range(stages.shape[0]):
        b0, b1, b2, a1, a2 = stages[s, 0], stages[s, 1], stages[s, 2], stages[s, 3], stages[s, 4]
        l1 = l2 = r1 = r2 = 0.0
        for i in range(frames):
            x = left[i] + TINY
            y = b0 * x + l1
            l1 = b1 * x - a1 * y + l2
            l2 = b2 * x - a2 * y
            left[i] = y
            if paired:
                x = right[i] + TINY
                y = b0 * x + r1
                r1 = b1 * x - a1 * y + r2
                r2 = b2 * x - a2 * y
                right[i] = y
