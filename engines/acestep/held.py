"""Repaint strength: what lies outside of a repainted region is held to the source while the region is made.

As ACE-Step 1.5 does it: for the first round((1 - strength) * steps) steps the latents outside are put back to what the
source would be at that noise, t * noise + (1 - t) * source; at the end the source is blended in again, over a ramp of
up to a second outside of the region. At strength 1 nothing is held: the model alone sees to it that the seam fits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

RAMP = 25  # frames of latents, a second, at strength 0


class Held:
    """What is known of one call of the pipeline once its transformer was asked. `songs` are made side by side."""

    def __init__(self, songs: int, steps: int, strength: float):
        self.songs, self.steps, self.strength = songs, steps, strength
        self.until = round((1 - strength) * steps)
        self._noise: Tensor | None = None
        self._source: Tensor | None = None
        self._inside: Tensor | None = None  # 1 where it is made anew, (songs, frames, 1)

    @contextmanager
    def watching(self, transformer: Any) -> Iterator[None]:
        """Noise, source and region are in the first call of the transformer."""

        def look(_: Any, __: Any, given: "dict[str, Tensor]") -> None:
            if self._noise is None:
                self._noise = given["hidden_states"][: self.songs].clone()
                self._source, mask = given["context_latents"][: self.songs].chunk(2, dim=-1)
                self._inside = mask[..., :1]

        hook = transformer.register_forward_pre_hook(look, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    def step(self, number: int, left: float, latents: "Tensor") -> "Tensor":
        """The latents after step `number` (from 0), (songs, frames, channels); `left` is the noise that they hold, 1 to
        0."""
        assert self._noise is not None and self._source is not None and self._inside is not None
        if number < self.until:
            there = left * self._noise + (1 - left) * self._source
            latents = self._inside * latents + (1 - self._inside) * there.to(latents.dtype)
        if number == self.steps - 1:
            share = widened(self._inside, round(RAMP * (1 - self.strength)))
            latents = share * latents + (1 - share) * self._source
        return latents


def widened(inside: "Tensor", ramp: int) -> "Tensor":
    """A region with edges that fall to nothing over `ramp` frames outside of it; `inside` is 1 or 0, (songs, frames,
    1)."""
    import torch

    share = inside.transpose(1, 2)
    away = torch.arange(-ramp, ramp + 1, device=share.device, dtype=share.dtype).abs()
    falling = 1 - away / (ramp + 1)
    padded = torch.nn.functional.pad(share, (ramp, ramp)).unfold(-1, 2 * ramp + 1, 1)  # (songs, 1, frames, 2 ramp + 1)
    return (padded * falling).amax(dim=-1).transpose(1, 2)
