"""Where one sound goes over into another. Sound is float32 (channels, frames); places and lengths are in frames."""

import numpy as np
import soxr

_SHORTEST = 0.5  # seconds that loudness is measured over at least


def ramp(frames: int, power: bool = True) -> np.ndarray:
    """A rise from 0 to 1, float32. `power`: with its mirror image it adds up in power, for sounds that have nothing to
    do with each other; else in amplitude, for sounds that are almost the same."""
    rise = np.sin(np.pi / 2 * (np.arange(frames) + 0.5) / max(1, frames))
    return (rise if power else rise**2).astype(np.float32)


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The same sound at another rate: linear phase, no delay, by soxr's "very high quality"."""
    if rate == wanted:
        return samples
    return np.ascontiguousarray(soxr.resample(np.ascontiguousarray(samples.T), rate, wanted, quality="VHQ").T)


def loudness_around(samples: np.ndarray, rate: int, first: int, last: int) -> float:
    """LUFS of frames `first` to `last`, of a little more where that is too short to be measured."""
    import dsp

    short = max(0, round(_SHORTEST * rate) - (last - first))
    first, last = max(0, first - short // 2), min(samples.shape[1], last + short - short // 2)
    return dsp.loudness(samples[:, first:last], rate)
