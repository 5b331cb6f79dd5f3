"""Songs of any length from a decoder that sees thirty seconds: it goes on from the end of what it made, with a stride,
as audiocraft does (Copet et al. 2023), and never from nothing. Lengths are in frames of the codec, 50 a second."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from engines.musicgen.model import Model
from engines.musicgen.tokens import Chance, aligned, drawn
from song.audio import Audio
from song.progress import Progress, sounds

_LONGEST = 0.9  # of the window that a stride may be: something must be left to go on from
_CHUNK = 100  # frames that are decoded at once


@dataclass(frozen=True, eq=False)
class Asked:
    """Songs to be made side by side, one for each of `words` and `seeds`.

    frames  new ones, of each song
    stride  how far the window moves on
    prompt  codes (1, codebooks, some) that all songs go on from
    melody  chroma from a frame of the song on, (chroma frames, 12); for a melody checkpoint
    """

    words: tuple[str, ...]
    seeds: tuple[tuple[int, ...], ...]
    frames: int
    chance: Chance
    stride: int
    prompt: np.ndarray | None = None
    melody: Callable[[int], np.ndarray] | None = None


def codes(model: Model, asked: Asked) -> Iterator[np.ndarray]:
    """The songs' new codes, (songs, codebooks, some), as soon as they are settled; after some steps there are none."""
    stride = max(1, min(asked.stride, int(_LONGEST * model.window)))
    dice = [np.random.Generator(np.random.PCG64(seed)) for seed in asked.seeds]
    known = _prompt(model, asked, stride)
    total = known.shape[-1] + asked.frames
    offset, end = 0, known.shape[-1]  # where the window begins, and how far the songs are
    conditions = None
    while end < total:
        if conditions is None or asked.melody:
            melody = np.stack([asked.melody(offset)] * len(dice)) if asked.melody else None
            conditions = model.conditions(asked.words, asked.chance.guided, melody)
        size = min(model.window, total - offset)
        pattern, first = model.begin(conditions, known, size)
        settled = known.shape[-1]
        for whole in drawn(model.step, model.tables, pattern, first, conditions.before, asked.chance, dice):
            yield aligned(model.tables, pattern, settled, max(settled, whole))
            settled = max(settled, whole)
        end = offset + size
        offset += stride
        known = aligned(model.tables, pattern, stride, size) if end < total else known


def _prompt(model: Model, asked: Asked, stride: int) -> np.ndarray:
    """What the songs go on from; the last of it, where not all fits into the window with them."""
    if asked.prompt is None:
        return np.zeros((len(asked.words), model.tables.codebooks, 0), np.int64)
    fits = asked.prompt.shape[-1] + asked.frames <= model.window
    kept = asked.prompt if fits else asked.prompt[..., -(model.window - stride) :]
    return np.broadcast_to(kept, (len(asked.words), *kept.shape[1:]))


class _Sounding:
    """One song's codes in, (1, codebooks, frames), its sound out. What is new of it is handed over once it is settled;
    `known` frames in front are a prompt."""

    def __init__(self, model: Model, progress: Progress, known: int):
        self.stream, self.rate, self.progress = model.codec.stream(), model.codec.rate, progress
        self._old = known * model.codec.hop  # samples of the prompt that are still to come
        self._pieces: list[np.ndarray] = []

    def push(self, codes: np.ndarray, last: bool = False) -> None:
        piece = self.stream.push(codes, last)[0]
        self._pieces.append(piece)
        sounds(self.progress, Audio(piece[:, self._old :], self.rate))
        self._old = max(0, self._old - piece.shape[1])

    def whole(self) -> np.ndarray:
        """Float32 (channels, samples), the prompt's in front."""
        return np.concatenate(self._pieces, axis=-1)


def decoded(model: Model, codes: np.ndarray, progress: Progress, known: int = 0) -> np.ndarray:
    """The sound of one song's codes, (1, codebooks, frames), of which `known` are a prompt's: float32 (channels,
    samples)."""
    sounding, frames = _Sounding(model, progress, known), codes.shape[-1]
    for start in range(0, frames, _CHUNK):
        progress(start / frames, "Decoding")
        sounding.push(codes[..., start : start + _CHUNK], last=start + _CHUNK >= frames)
    return sounding.whole()


def played(model: Model, asked: Asked, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """The first song's sound, float32 (channels, samples) with the prompt's in front, and the codes of all songs,
    (songs, codebooks, frames). The sound is decoded while the next codes are drawn."""
    sounding = _Sounding(model, progress, 0 if asked.prompt is None else asked.prompt.shape[-1])
    made: list[np.ndarray] = []
    waiting = [] if asked.prompt is None else [asked.prompt[:1]]
    done = 0
    for new in codes(model, asked):
        progress(done / asked.frames, "Playing")
        made.append(new)
        waiting.append(new[:1])
        done += new.shape[-1]
        if sum(one.shape[-1] for one in waiting) >= _CHUNK:
            sounding.push(np.concatenate(waiting, axis=-1))
            waiting = []
    sounding.push(np.concatenate([np.zeros_like(made[0][:1]), *waiting], axis=-1), last=True)
    return sounding.whole(), np.concatenate(made, axis=-1)
