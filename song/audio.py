"""Audio: float32 samples and their rate.

Conventions: shape (channels, frames), full scale is +-1.0, time in seconds, rate in hertz.
"""

from dataclasses import dataclass

import numpy as np

SAMPLE_RATE = 48_000  # what the studio makes and keeps


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound in memory: `samples` is float32 (channels, frames)."""

    samples: np.ndarray
    sample_rate: int = SAMPLE_RATE

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ValueError(f"Audio wants float32 (channels, frames), got {self.samples.dtype} {self.samples.shape}")

    @property
    def channels(self) -> int:
        return self.samples.shape[0]

    @property
    def frames(self) -> int:
        return self.samples.shape[1]

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate
