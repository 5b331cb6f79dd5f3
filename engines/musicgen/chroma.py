"""A melody as the melody checkpoints read it: in every frame the one pitch class that is strongest.

As defined by transformers' MusicgenMelodyFeatureExtractor, which cannot be used without torchaudio: a power spectrum
of 16,384 samples every 4,096 (periodic Hann, centred, edges mirrored), folded by its bank of chroma filters, and all
but the largest of twelve set to zero. Its scaling does not change which one is the largest.
"""

from functools import cache

import numpy as np

RATE = 32_000
WIDTH = 16_384
HOP = 4_096


def chroma(sound: np.ndarray) -> np.ndarray:
    """float32 (frames, 12), a single 1 in each frame, of mono sound at `RATE`."""
    short = WIDTH - len(sound)
    if short > 0:
        sound = np.pad(sound, (short // 2, short - short // 2))
    around = np.pad(sound, WIDTH // 2, mode="reflect")
    pieces = np.lib.stride_tricks.sliding_window_view(around, WIDTH)[::HOP]
    power = np.stack([np.abs(np.fft.rfft(piece * _window())) ** 2 for piece in pieces])
    return np.eye(12, dtype=np.float32)[(power @ _filters().T).argmax(axis=1)]


@cache
def _window() -> np.ndarray:
    return np.sin(np.pi * np.arange(WIDTH) / WIDTH) ** 2


@cache
def _filters() -> np.ndarray:
    """(12, WIDTH // 2 + 1)"""
    from transformers.audio_utils import chroma_filter_bank

    return chroma_filter_bank(num_frequency_bins=WIDTH, num_chroma=12, sampling_rate=RATE, tuning=0)


def wrapped(sound: np.ndarray, start: float, seconds: float) -> np.ndarray:
    """`seconds` of mono sound from second `start` on; after its end it begins anew, as audiocraft lets it."""
    places = round(start * RATE) + np.arange(round(seconds * RATE))
    return sound[places % len(sound)]
