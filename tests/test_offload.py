"""Parts that leave the memory they compute in, through accelerate's own hooks, without a GPU.

Every part of a pipeline is made to leave truly: sent to "cpu", its weights are set aside and empty ones stand in their
place, which nothing can be computed with; sent to "cpu:0", as the device that computes is called here, they are back.
"""

from dataclasses import replace

import numpy as np
import pytest

import memory
from engines.acestep.asked import Told
from engines.acestep.model import Model, Wanted
from song.progress import silent

pytestmark = pytest.mark.usefixtures("neural")
SONG = Wanted("text2music", Told("warm piano", "la la"), (1,), 2.0, steps=2, guidance=3.0, shift=1.0)
NOISE = (np.random.default_rng(0).standard_normal((2, 2 * 48_000)) * 0.1).astype(np.float32)


def leave(part, away: set[str], name: str) -> None:
    """Let `part.to("cpu")` take its weights away, and `part.to("cpu:0")` bring them back."""
    import torch

    kept = [(module._parameters, key) for module in part.modules() for key in module._parameters]
    weights = [where[key] for where, key in kept]
    none = [
        one if one is None else torch.nn.Parameter(torch.empty_like(one, device="meta"), requires_grad=False)
        for one in weights
    ]

    def to(part, *where, **_):
        gone = str(where[0]) == "cpu"
        assert gone or str(where[0]) == "cpu:0", where
        for (place, key), one in zip(kept, none if gone else weights, strict=True):
            place[key] = one
        (away.add if gone else away.discard)(name)
        return part

    kind = type(part)  # accelerate takes a `to` off the part itself
    part.__class__ = type(kind.__name__, (kind,), {"to": to, "__module__": kind.__module__})


@pytest.fixture
def parted(neural) -> tuple[Model, Model, set[str]]:
    """One as it is, one offloaded, and the names of the parts of that which are away."""
    import torch

    plain, model = (Model("base", neural / "base", "fp32") for _ in range(2))
    away: set[str] = set()
    for name, part in model.net.components.items():
        if isinstance(part, torch.nn.Module):
            leave(part, away, name)
    model.offload()
    assert {"transformer", "audio_tokenizer", "text_encoder", "vae"} <= away
    return plain, model, away


def test_every_task_works_with_its_parts_away(parted):
    plain, model, away = parted
    cover = replace(SONG, task="cover", source=NOISE)
    paint = replace(cover, task="repaint", region=(0.4, 1.2))
    songs = {
        "codes": replace(SONG, codes="<|audio_code_5|>" * 10),
        "words": SONG,
        "cover": cover,
        "weaker cover": replace(cover, strength=0.5),
        "like another": replace(cover, reference=NOISE[:, ::-1].copy()),
        "repaint": paint,
        "lego": replace(paint, task="lego", track="bass"),
        "codes again": replace(SONG, codes="<|audio_code_6|>" * 10),
    }
    for name, wanted in songs.items():
        found = model.latents(wanted, silent)
        assert (found - plain.latents(wanted, silent)).abs().max() == 0, name
        assert {"transformer", "audio_tokenizer", "text_encoder", "vae"} <= away, f"{name}: they are away again"


def test_a_part_that_is_away_cannot_compute(parted):
    """So that the test above can fail."""
    import torch

    _, model, _ = parted
    with pytest.raises(RuntimeError, match="meta"):
        type(model.net.audio_tokenizer.quantizer).get_output_from_indices(
            model.net.audio_tokenizer.quantizer, torch.zeros(1, 2, 1, dtype=torch.long)
        )


def test_nothing_is_moved_where_memory_is_shared(neural, monkeypatch):
    model = Model("base", neural / "base", "fp32")
    assert not model.can_offload, "there is no GPU"
    model.device = "cuda"
    for shared in (True, False):
        monkeypatch.setattr(memory, "shared", lambda device, shared=shared: shared)
        assert model.can_offload is not shared
    model.offloaded = True
    assert not model.can_offload, "once is enough"
