"""Chance that carries its own seed: one generator per (seed, and the names of what it decides).

Changing one section, or one role, draws from no other generator, so every other note stays where it is.
"""

import hashlib

import numpy as np


def chance(seed: int, *names: object) -> np.random.Generator:
    """The generator for one decision, e.g. `chance(seed, "B2", "bass")`: the same numbers on every machine."""
    text = "/".join(str(name) for name in (seed, *names))
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")))
