"""Angle domain guidance: what guidance adds to a foreseen song turns it, instead of making it longer.

Jin, Xiao, Liu and Gu, "Angle Domain Guidance: Latent Diffusion Requires Rotation Rather Than Extrapolation", ICML 2025
(arXiv 2506.11039), in the form of ACE-Step 1.5's `adg_forward`, whose documents call it adaptive dual guidance.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

WIDEST = 3.14 / 6  # radians that a frame is turned at most: upstream's own number
LEAST = 1e-3  # of the sine of an angle, below which turning is moving straight; and what the weight never falls below


def turned(noisy: "Tensor", said: "Tensor", unsaid: "Tensor", time: "Tensor", scale: float) -> "Tensor":
    """The guided velocity, (songs, frames, channels), of velocities with the words and without them.

    noisy   the latents that these belong to; time (songs,), 1 is noise
    scale   guidance; at 1 about the velocity with the words
    """
    import torch

    sigma, weight = time.double()[:, None, None], max(scale - 1, 0.0) + LEAST
    noisy, said, unsaid = noisy.double(), said.double(), unsaid.double()
    with_words, without = noisy - sigma * said, noisy - sigma * unsaid  # the songs that are foreseen
    angle = torch.nn.functional.cosine_similarity(with_words, without, dim=-1, eps=1e-12)[..., None]
    angle = angle.clamp(-1 + 1e-6, 1 - 1e-6).acos()
    change = with_words - without
    along = (change * without).sum(-1, keepdim=True) / (without.square().sum(-1, keepdim=True) + 1e-8)
    across = change - along * without
    turn = (weight * angle).clamp(-WIDEST, WIDEST)
    share = torch.where(angle.sin() > LEAST, turn.sin() / angle.sin(), torch.full_like(angle, weight))
    return (noisy - turn.cos() * with_words - share * across) / sigma


@contextmanager
def angled(transformer: Any, songs: int, scale: float) -> Iterator[None]:
    """Guided steps are guided so. The pipeline gets the guided velocity for both halves of its rows, those with the
    words and those without: where they do not differ, its own guidance adds nothing."""
    import torch

    def guide(_: Any, __: Any, given: "dict[str, Tensor]", made: "tuple[Tensor, ...]") -> "tuple[Tensor, ...] | None":
        noisy = given["hidden_states"]
        if len(noisy) != 2 * songs:
            return None
        said, unsaid = made[0].chunk(2)
        velocity = turned(noisy[:songs], said, unsaid, given["timestep"][:songs], scale).to(made[0].dtype)
        return torch.cat([velocity, velocity]), *made[1:]

    hook = transformer.register_forward_hook(guide, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
