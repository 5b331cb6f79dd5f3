"""Codes one after the other: MusicGen's delay pattern, guidance and chance around a step.

Conventions: codes are int64 (batch, codebooks, frames), 50 frames a second; a position holds one code of every
codebook, and codebook k lies k positions behind the first (Copet et al. 2023, "Simple and Controllable Music
Generation", section 2.2); with two channels, their codebooks take turns and share a delay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engines.musicgen.step import Step

UNKNOWN = -1


@dataclass(frozen=True)
class Chance:
    """How a code is drawn from its scores. `temperature` 0 takes the likeliest; `top_k` 0 and `top_p` 0 leave out
    nothing; `guidance_scale` is how far the scores are pushed from those without the words (Ho and Salimans 2022)."""

    temperature: float = 1.0
    top_k: int = 250
    top_p: float = 0.0
    guidance_scale: float = 3.0

    @property
    def guided(self) -> bool:
        return self.guidance_scale > 1


@dataclass(frozen=True, eq=False)
class Tables:
    """What a code is to the decoder: `codes` float32 (codebooks, codes + 1, width), the last row of each for a place
    that holds none; `places` float32 (positions, width)."""

    codes: np.ndarray
    places: np.ndarray
    channels: int = 1

    @property
    def codebooks(self) -> int:
        return int(self.codes.shape[0])

    @property
    def nothing(self) -> int:
        """The code of a place that holds none."""
        return int(self.codes.shape[1]) - 1

    @property
    def delays(self) -> np.ndarray:
        return np.arange(self.codebooks) // self.channels

    def embedded(self, codes: np.ndarray, position: int) -> np.ndarray:
        """(batch, codebooks) of one position as the decoder takes them in, (batch, width)."""
        return self.codes[np.arange(self.codebooks), codes].sum(axis=1) + self.places[position]


def delayed(tables: Tables, frames: int, given: np.ndarray) -> np.ndarray:
    """(batch, codebooks, positions): the codes that are given in their places, UNKNOWN where one is to be drawn."""
    batch, _, known = given.shape
    delays = tables.delays
    pattern = np.full((batch, tables.codebooks, frames + int(delays[-1]) + 1), tables.nothing, dtype=np.int64)
    for codebook, delay in enumerate(delays):
        start = delay + 1
        pattern[:, codebook, start : start + frames] = UNKNOWN
        pattern[:, codebook, start : start + known] = given[:, codebook]
    return pattern


def aligned(tables: Tables, pattern: np.ndarray, first: int, last: int) -> np.ndarray:
    """The codes of frames `first` to `last`, taken out of their places."""
    starts = tables.delays + 1
    return np.stack([pattern[:, book, first + at : last + at] for book, at in enumerate(starts)], axis=1)


def drawn(
    step: Step,
    tables: Tables,
    pattern: np.ndarray,
    known: int,
    before: int,
    chance: Chance,
    dice: Sequence[np.random.Generator],
) -> Iterator[int]:
    """Draw what is UNKNOWN in `pattern`, in place; after each position, how many frames are whole.

    The step has been filled with what comes before position `known`, whose codes are the first to enter; `before`
    positions of the step lie before the pattern. `dice` has one generator for each of the batch, so that a song does
    not depend on its neighbours.
    """
    slowest = int(tables.delays[-1])
    for position in range(known, pattern.shape[2] - 1):
        embedded = tables.embedded(pattern[:, :, position], before + position)
        rows = np.concatenate([embedded, embedded]) if chance.guided else embedded
        scores = guided(step(rows, before + position), chance).reshape(len(dice), tables.codebooks, -1)
        found = chosen(scores, chance, np.stack([one.random(tables.codebooks) for one in dice]))
        following = pattern[:, :, position + 1]
        pattern[:, :, position + 1] = np.where(following == UNKNOWN, found, following)
        yield max(0, position + 1 - slowest)


def guided(scores: np.ndarray, chance: Chance) -> np.ndarray:
    """Scores with the words, pushed away from those without."""
    if not chance.guided:
        return scores
    with_words, without = np.split(scores, 2)
    return without + (with_words - without) * np.float32(chance.guidance_scale)


def chosen(scores: np.ndarray, chance: Chance, luck: np.ndarray) -> np.ndarray:
    """A code for each codebook of each song: (batch, codebooks) of scores (batch, codebooks, codes). `luck` is 0-1.

    The likeliest `top_k`, of those the likeliest that make up `top_p` together, and one of those by its share.
    """
    if chance.temperature == 0:
        return scores.argmax(axis=-1)
    count = scores.shape[-1]
    kept = min(chance.top_k, count) if chance.top_k else count
    best = np.argpartition(-scores, kept - 1, axis=-1)[..., :kept]
    order = np.argsort(-np.take_along_axis(scores, best, axis=-1), axis=-1, kind="stable")
    best = np.take_along_axis(best, order, axis=-1)
    heat = np.take_along_axis(scores, best, axis=-1).astype(np.float64) / chance.temperature
    shares = np.exp(heat - heat[..., :1]).cumsum(axis=-1)
    within = shares[..., -1]
    if chance.top_p:
        least = (shares < chance.top_p * shares[..., -1:]).sum(axis=-1, keepdims=True)  # the one that reaches it, too
        within = np.take_along_axis(shares, np.minimum(least, kept - 1), axis=-1)[..., 0]
    place = (shares <= (luck * within)[..., None]).sum(axis=-1)
    return np.take_along_axis(best, np.minimum(place, kept - 1)[..., None], axis=-1)[..., 0]
