"""What an instrument of ours is made of: one or two layers of voices and the chain behind them."""

from typing import NamedTuple

import numpy as np

from composer.synth.chain import Chain
from composer.synth.textures import Texture
from composer.synth.voices import Analogue, Fm, Modal, Plucked

Partials = tuple[tuple[float, float, float, float], ...]  # ratio, level, seconds to -60 dB, what softness takes


class Bars(NamedTuple):
    """A modal voice with its partials."""

    voice: Modal
    partials: Partials


Layer = Analogue | Fm | Bars | Plucked | Texture


class Patch(NamedTuple):
    """One instrument. `mono` plays one note at a time and slides between notes that touch.

    Levels inside a patch matter only between its layers: the mix measures every stem and sets its loudness.
    """

    layers: tuple[Layer, ...]
    chain: Chain = Chain()
    mono: bool = False


def floats(voice):
    """A voice with every field a float: numba compiles a kernel once for each mixture of field types."""
    return type(voice)(*map(float, voice))


def table(partials: Partials) -> np.ndarray:
    return np.array(partials, np.float64)
