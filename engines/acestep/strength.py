"""Cover strength: a cover hears its source for a share of its steps, and is then made from its words alone.

As ACE-Step 1.5 does it (`generate_audio` of its models): from step int(steps * strength) on, the transformer is given
the words of a song from words and silence for a source, in one pass a step, with guidance as before. diffusers blends
two passes that hear the same source instead, which costs twice as much and lets go of next to nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class _Seen(Exception):
    """What was to be seen was seen."""


def heard_until(steps: int, strength: float) -> int:
    """How many of a cover's steps hear its source."""
    return int(steps * strength)


def first_told(net: Any, asked: dict[str, Any]) -> "dict[str, Tensor]":
    """What a call of the pipeline tells its transformer in the first step, by name; nothing is made."""
    seen: dict[str, Tensor] = {}

    def look(_: Any, __: Any, given: "dict[str, Tensor]") -> None:
        seen.update(given)
        raise _Seen

    hook = net.transformer.register_forward_pre_hook(look, with_kwargs=True)
    try:
        net(**asked)
    except _Seen:
        return seen
    finally:
        hook.remove()
    raise RuntimeError("the pipeline never asked its transformer")


@contextmanager
def fading(transformer: Any, until: int, words: "dict[str, Tensor]") -> Iterator[None]:
    """From its call `until` (counted from 0) on, the transformer is told `words` in place of what the pipeline tells.

    `words` are what `first_told` gives: (rows, tokens, width) of words and (rows, frames, channels) of silence. With
    guidance its rows are those with the words, then those without: the first of them are right without it, too.
    """
    calls = 0

    def change(_: Any, args: Any, given: "dict[str, Tensor]") -> "tuple[Any, dict[str, Tensor]] | None":
        nonlocal calls
        calls += 1
        if calls <= until:
            return None
        rows, frames = given["hidden_states"].shape[:2]
        silence = words["context_latents"][:rows, :frames]
        return args, given | {
            "encoder_hidden_states": words["encoder_hidden_states"][:rows],
            "context_latents": silence,
        }

    hook = transformer.register_forward_pre_hook(change, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
