"""Another rate, another depth. Sound is float32 (channels, frames)."""

import numpy as np

_STOP_DB = 118.0  # how far images and what would fold back are pushed down
_EDGE = 0.93  # of the lower of the two Nyquist frequencies: where the filter is half way down
_WIDTH = 0.14  # of the same: how wide its slope is
_DITHER_SEED = 3285  # the same song gives the same file


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The same sound at another rate: polyphase, linear phase, no delay; flat to 19.7 kHz at 44.1 kHz.

    The slope and the -118 dB are Kaiser's formulae (1974) for a windowed sinc.
    """
    if rate == wanted:
        return samples
    from scipy.signal import firwin, resample_poly

    common = int(np.gcd(rate, wanted))
    up, down = wanted // common, rate // common
    nyquist = min(rate, wanted) / 2
    taps = int((_STOP_DB - 7.95) / 14.36 * rate * up / (_WIDTH * nyquist)) | 1
    beta = 0.1102 * (_STOP_DB - 8.7)
    sinc = firwin(taps, _EDGE * nyquist, window=("kaiser", beta), fs=rate * up).astype(np.float32)
    return np.ascontiguousarray(resample_poly(samples, up, down, axis=1, window=sinc), dtype=np.float32)


def pcm16(samples: np.ndarray) -> np.ndarray:
    """Whole numbers of 16 bits, int16 (frames, channels), with triangular dither of two steps from a fixed seed.

    Source: Lipshitz, Wannamaker and Vanderkooy 1992, "Quantization and dither: a theoretical survey".
    """
    chance = np.random.default_rng(_DITHER_SEED)
    numbers = samples.T * np.float32(2**15)
    numbers += chance.random(numbers.shape, np.float32)
    numbers -= chance.random(numbers.shape, np.float32)
    return np.clip(np.rint(numbers, out=numbers), -(2**15), 2**15 - 1, out=numbers).astype("<i2", order="C")
