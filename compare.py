"""Two songs held against each other: what differs in their recipes, field by field, and in their sound.

Sounds are compared as the 24-bit numbers that the studio keeps. The difference is the power of what is left when one is
taken from the other, against the power of the first, over the frames that both have.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

import post_process
from song.audio import Audio
from song.take import Recipe

BOOKKEEPING = ("id", "created", "seconds_spent")  # of a recipe: no two takes have these in common


def recipes(a: Recipe, b: Recipe) -> dict[str, tuple[Any, Any]]:
    """Every field that differs, by its path like "request.prompt": its value in both, None where there is none."""
    before, after = (dict(_fields(recipe.model_dump(mode="json"))) for recipe in (a, b))
    names = dict.fromkeys([*before, *after])
    return {
        name: (before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name) and name not in BOOKKEEPING
    }


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list) and value:
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value, 1):
            yield from _fields(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


def sounds(a: Audio, b: Audio) -> dict[str, Any]:
    """What differs in the sound, as plain JSON.

    identical      whether rate, channels, length and every 24-bit sample are the same
    first          second of the first sample that differs, or from which only one goes on; None where none does
    difference_db  what is left against the first song; None where they are identical or cannot be laid over each other
    a, b           sample_rate, channels, duration in seconds, lufs, true_peak_dbtp of each
    """
    import dsp  # compiled code, and only where sounds are compared

    told: dict[str, Any] = {"identical": False, "first": None, "difference_db": None, "a": _facts(a), "b": _facts(b)}
    if (a.sample_rate, a.channels) != (b.sample_rate, b.channels):
        return told
    both = min(a.frames, b.frames)
    # One frame after the other as six bytes or three: where any of them is another, the frame is.
    mine24, other24 = (dsp.pcm24(one.samples[:, :both]).reshape(both, 3 * a.channels) for one in (a, b))
    differing = (mine24 != other24).any(axis=1)
    if not differing.any() and a.frames == b.frames:
        return told | {"identical": True}
    first = int(differing.argmax()) if differing.any() else both
    mine, other = (one.samples[:, :both].astype(np.float64) for one in (a, b))
    return told | {
        "first": round(first / a.sample_rate, 6),
        "difference_db": post_process.below(mine - other, mine) if differing.any() else None,
    }


def _facts(audio: Audio) -> dict[str, Any]:
    finished = post_process.measured(audio)
    shape = {"sample_rate": audio.sample_rate, "channels": audio.channels, "duration": round(audio.duration, 6)}
    return shape | {"lufs": finished.lufs, "true_peak_dbtp": finished.true_peak_dbtp}
