"""Signal processing: numbers in, numbers out. Knows nothing of songs, scores or styles.

Conventions: sound is float32, planar and C-contiguous, (channels, frames), full scale +-1.0; frequencies in hertz,
times in seconds, levels in dB, loudness in LUFS, true peak in dBTP. Functions return new arrays and leave their input
alone unless they say otherwise. Kernels are compiled by numba, cached on disk, and release the GIL.
"""

from dsp.effects import compress, compress_inplace, duck_curve, echo, fade, reverb
from dsp.filters import bandpass, filter, filter_inplace, high_shelf, highpass, low_shelf, lowpass, peak
from dsp.limiter import limit, true_peak
from dsp.meter import SILENCE_LUFS, gated_loudness, hop_power, k_weighting, loudest, loudness, loudness_range
from dsp.pcm import differing24, pcm24

__all__ = [
    "SILENCE_LUFS",
    "bandpass",
    "compress",
    "compress_inplace",
    "differing24",
    "duck_curve",
    "echo",
    "fade",
    "filter",
    "filter_inplace",
    "gated_loudness",
    "high_shelf",
    "highpass",
    "hop_power",
    "k_weighting",
    "limit",
    "loudest",
    "loudness",
    "loudness_range",
    "low_shelf",
    "lowpass",
    "pcm24",
    "peak",
    "reverb",
    "true_peak",
]
