"""Attention in blocks, judged by the mask that diffusers draws up."""

import numpy as np
import pytest

import memory
import tiny_acestep
from bench.faults.attention import LAYOUTS, MOST, WINDOW, dense, difference, numbers
from engines.acestep import attention, found
from engines.acestep.attention import attend, blocks, masked

STEP = """
import sys, torch
from diffusers import AceStepTransformer1DModel
from engines.acestep.attention import install
torch.set_num_threads(1)
rows, tokens = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(0)
net = AceStepTransformer1DModel(num_hidden_layers=2).eval().requires_grad_(False)
install(net)
def step(tokens):
    given = {"hidden_states": torch.randn(rows, 2 * tokens, 64), "context_latents": torch.randn(rows, 2 * tokens, 128)}
    given |= {"encoder_hidden_states": torch.randn(rows, 300, 2048), "return_dict": False}
    with torch.inference_mode(): net(**given, timestep=torch.full((rows,), 0.5), timestep_r=torch.full((rows,), 0.5))
def status(name): return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith(name)) * 1024
step(4)  # what libraries take for themselves
before = status("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
step(tokens)
print(status("VmHWM") - before)
"""


@pytest.mark.parametrize("length", [37, 128, 129, 750])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("layout", [LAYOUTS[0], LAYOUTS[3]], ids=str)
def test_blocks_are_the_dense_mask(length, rows, layout):
    for way in (blocks, attend, masked):
        assert difference(way, rows, length, layout) <= MOST


def test_four_minutes_are_the_dense_mask_and_a_window_is_a_window():
    assert difference(attend, 1, 3000, LAYOUTS[0]) <= MOST
    query, key, value = numbers(1, 600, LAYOUTS[3])
    struck = key.clone()
    struck[:, 300] += 5
    changed = (blocks(query, key, value, WINDOW) - blocks(query, struck, value, WINDOW)).abs().amax((0, 2, 3))
    assert changed.nonzero().flatten().tolist() == list(range(300 - WINDOW, 301 + WINDOW))


def test_a_window_of_any_width():
    given = numbers(2, 100, LAYOUTS[3])
    for window in (1, 2, 7, 16, 99):
        for way in (blocks, attend):
            assert (way(*given, window) - dense(*given, window)).abs().max() <= MOST, window


@pytest.mark.parametrize("kind", ["turbo", "base"])
@pytest.mark.parametrize("seconds", [3, 20])
def test_whole_models_make_the_same_song(kind, seconds):
    """Words of two lengths beside each other, the planner's codes, guidance; the window is 16, songs 38 and 250."""
    plain, ours = tiny_acestep.built(kind), tiny_acestep.built(kind)
    attention.install(ours.transformer)
    assert not masks_of(ours) and masks_of(plain) == {(1, 1, 40, 40)}
    songs = {"text2music": {}, "codes": {"audio_codes": "<|audio_code_5|><|audio_code_77|>" * 5}}
    for said in songs.values():
        one, other = (song(net, float(seconds), **said) for net in (plain, ours))
        assert one.shape == other.shape and np.abs(one).max() > 0.1
        assert np.abs(one - other).max() < 1e-5


def song(net, seconds, **said) -> np.ndarray:
    import torch

    net.set_progress_bar_config(disable=True)
    dice = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    with torch.inference_mode():
        return net(
            prompt=["piano", "a loud brass band"], lyrics=["la " * 30, "[Instrumental]"], audio_duration=seconds,
            num_inference_steps=2, guidance_scale=3.0, generator=dice, output_type="latent", **said,
        ).audios.numpy()  # fmt: skip


def masks_of(net) -> set[tuple[int, ...]]:
    """Shapes of the masks that the transformer's layers are given for 80 latents."""
    import torch

    seen = []
    layers = net.transformer.layers
    hooks = [
        one.self_attn.register_forward_pre_hook(
            lambda _, given, said: seen.append(said["attention_mask"]), with_kwargs=True
        )
        for one in layers
    ]
    time = torch.full((1,), 0.5)
    with torch.inference_mode():
        net.transformer(
            hidden_states=torch.zeros(1, 80, tiny_acestep.LATENTS),
            context_latents=torch.zeros(1, 80, 2 * tiny_acestep.LATENTS),
            encoder_hidden_states=torch.zeros(1, 3, tiny_acestep.WIDTH),
            timestep=time,
            timestep_r=time,
        )
    for hook in hooks:
        hook.remove()
    assert len(seen) == len(layers)
    return {tuple(one.shape) for one in seen if one is not None}


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_step_takes_no_more_than_is_counted():
    """At the published width of two layers, 96 s, both rows of guidance; measured as the process's own peak."""
    import subprocess
    import sys

    peak = int(subprocess.check_output([sys.executable, "-c", STEP, "2", "1200"], text=True))
    counted = memory.pipeline(0, "fp32", 96, rows=2, width=2048).cache
    assert counted / 4 < peak < counted, (peak, counted)


def test_scores_are_counted_where_no_kernel_is_fused(tmp_path, monkeypatch):
    import torch

    from engines.acestep import model

    folder = tiny_acestep.checkpoint(tmp_path / "turbo")
    assert found.heads(folder) == tiny_acestep.HEADS and attention.fused("cpu", torch.float32)
    fused = model.need(folder, "bf16", 600.0, 2)
    monkeypatch.setattr(attention, "fused", lambda device, dtype: False)
    held = model.need(folder, "bf16", 600.0, 2)
    assert held.cache - fused.cache == 2 * 2 * tiny_acestep.HEADS * 7500**2 * 4
    published = memory.pipeline(0, "bf16", 600, rows=1, width=2048, heads=16)
    assert published.cache - memory.pipeline(0, "bf16", 600, rows=1, width=2048).cache == pytest.approx(7.2e9)


def test_torch_is_asked_about_kernels_as_it_can_be_asked():
    """There is no GPU here: for tensors that are not on one, torch says that it has none of its kernels."""
    import torch

    assert not attention.fused("meta", torch.float32)
