"""Whole numbers of 24 bits, as files hold them: rounded to the nearest even, clipped, three little-endian bytes."""

import numpy as np
from numba import njit

FULL_SCALE = 2**23


def pcm24(samples: np.ndarray) -> np.ndarray:
    """Float32 (channels, frames) as the bytes of a WAV: interleaved, (frames * channels * 3,) uint8."""
    channels, frames = samples.shape
    packed = np.empty(3 * channels * frames, np.uint8)
    for channel, row in enumerate(samples):
        _pack(np.ascontiguousarray(row), packed, 3 * channel, 3 * channels)
    return packed


def differing24(one: np.ndarray, other: np.ndarray) -> int:
    """How many samples of two sounds of one shape are not the same 24-bit number."""
    rows = zip(one, other, strict=True)
    return sum(int(_differing(np.ascontiguousarray(a), np.ascontiguousarray(b))) for a, b in rows)


@njit(cache=True, nogil=True, inline="always")
def _number(sample):
    scaled = np.rint(sample * np.float32(FULL_SCALE))
    return np.int32(min(max(scaled, np.float32(-FULL_SCALE)), np.float32(FULL_SCALE - 1)))


@njit(cache=True, nogil=True)
def _pack(row, packed, at, step):
    for i in range(row.shape[0]):
        number = _number(row[i])
        packed[at] = number & 255
        packed[at + 1] = (number >> 8) & 255
        packed[at + 2] = (number >> 16) & 255
        at += step


@njit(cache=True, nogil=True)
def _differing(a, b):
    count = 0
    for i in range(a.shape[0]):
        count += _number(a[i]) != _number(b[i])
    return count
