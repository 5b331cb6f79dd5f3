"""Sound in 16 bits."""

import numpy as np

_DITHER_SEED = 3285  # the same song gives the same file


def pcm16(samples: np.ndarray) -> np.ndarray:
    """Whole numbers of 16 bits, int16 (frames, channels), with triangular dither of two steps from a fixed seed.

    Source: Lipshitz, Wannamaker and Vanderkooy 1992, "Quantization and dither: a theoretical survey".
    """
    chance = np.random.default_rng(_DITHER_SEED)
    numbers = samples.T * np.float32(2**15)
    numbers += chance.random(numbers.shape, np.float32)
    numbers -= chance.random(numbers.shape, np.float32)
    return np.clip(np.rint(numbers, out=numbers), -(2**15), 2**15 - 1, out=numbers).astype("<i2", order="C")
