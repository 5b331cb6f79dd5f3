"""The decoder of latents, judged by diffusers' own."""

from types import SimpleNamespace

import numpy as np
import pytest

import tiny_acestep
from engines.acestep import snake
from engines.acestep.door import _unused
from engines.acestep.snake import PackedDecoder, TorchDecoder, decoder, overlap
from kernels import KernelsUnfit
from song.errors import Cancelled
from song.request import Generate

FRAMES = 40


@pytest.fixture(scope="module")
def vae():
    """With Snakes of many kinds, as training leaves them; random weights as they come have them all alike."""
    return lively()


def lively(dtype=None):
    import torch

    torch.manual_seed(3)
    net = tiny_acestep.vae().eval().requires_grad_(False)
    for module in net.modules():
        if hasattr(module, "alpha"):
            module.alpha.normal_(0, 0.5)
            module.beta.normal_(0, 0.5)
    return net if dtype is None else net.to(dtype)


@pytest.fixture(scope="module")
def latents():
    import torch

    return torch.randn(2, FRAMES, tiny_acestep.LATENTS, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def right(vae, latents) -> np.ndarray:
    import torch

    with torch.inference_mode():
        return vae.decode(latents.transpose(1, 2)).sample.numpy()


def error(found: np.ndarray, right: np.ndarray) -> float:
    assert found.shape == right.shape and found.dtype == np.float32
    return float(np.sqrt(np.mean((found - right) ** 2) / np.mean(right**2)))


def test_the_sound_is_that_of_diffusers(vae, latents, right):
    assert error(PackedDecoder(vae, "fp32").decode(latents), right) < 1e-5


def test_bfloat16_is_nearer_to_the_truth_than_diffusers(vae, latents, right):
    import torch

    with torch.inference_mode():
        theirs = lively(torch.bfloat16).decode(latents.transpose(1, 2).bfloat16()).sample.float().numpy()
    assert error(PackedDecoder(vae, "bf16").decode(latents), right) < error(theirs, right)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_tiles_and_threads_change_no_bit(vae, latents, precision):
    whole = PackedDecoder(vae, precision, threads=1).decode(latents, tile=FRAMES)
    for threads, tile in ((2, 7), (3, FRAMES - 1)):
        assert np.array_equal(PackedDecoder(vae, precision, threads).decode(latents, tile=tile), whole)


def test_a_few_frames(vae, latents):
    """Songs shorter than what the decoder looks at."""
    import torch

    for frames in (1, 3):
        with torch.inference_mode():
            right = vae.decode(latents[:, :frames].transpose(1, 2)).sample.numpy()
        assert error(PackedDecoder(vae, "fp32").decode(latents[:, :frames]), right) < 1e-5


def test_the_weights_are_left_as_they_are(vae, latents, right):
    import torch

    PackedDecoder(vae, "bf16").decode(latents[:1, :5])
    with torch.inference_mode():
        assert np.array_equal(vae.decode(latents.transpose(1, 2)).sample.numpy(), right)


def test_overlap_is_what_the_decoder_looks_at(vae):
    """Sound changes where a latent changes, and nowhere else; 9 frames at the published ratios."""
    import torch

    frames = overlap(vae.upsampling_ratios)
    assert frames == 9
    silent = torch.zeros(1, 4 * frames, tiny_acestep.LATENTS)
    struck = silent.clone()
    struck[:, 2 * frames] = 3
    one = PackedDecoder(vae, "fp32")
    changed = np.flatnonzero((one.decode(silent) != one.decode(struck)).any(axis=(0, 1))) // 1920
    assert changed.min() >= frames and changed.max() <= 3 * frames


@pytest.mark.parametrize("kind", [PackedDecoder, TorchDecoder])
def test_cancel_between_tiles(latents, kind):
    seen = []

    def progress(fraction, stage):
        seen.append((fraction, stage))
        if len(seen) == 2:
            raise Cancelled

    one = PackedDecoder(lively(), "fp32", threads=1) if kind is PackedDecoder else TorchDecoder(lively())
    with pytest.raises(Cancelled):
        one.decode(latents[:1], progress, tile=10)
    assert len(seen) == 2 and seen[0][0] < seen[1][0] < 1 and seen[0][1] == "Decoding"


def test_elsewhere(latents, right):
    """The module that a GPU gets, uncompiled: the same sound, in tiles too."""
    assert error(TorchDecoder(lively()).decode(latents), right) < 1e-5
    assert error(TorchDecoder(lively()).decode(latents, tile=16), right) < 1e-5


def test_the_decoder_takes_the_precision_of_the_vae(latents, right):
    import torch

    for dtype, allowed in ((None, 1e-5), (torch.bfloat16, 3e-2)):
        found, notice = decoder(lively(dtype))
        assert isinstance(found, PackedDecoder) and not notice
        assert error(found.decode(latents[:1]), right[:1]) < allowed


def test_where_the_kernels_cannot_be_used(latents, right, monkeypatch):
    def refuse(*said):
        raise KernelsUnfit("They compute wrongly.")

    monkeypatch.setattr(snake, "PackedDecoder", refuse)
    found, notice = decoder(lively())
    assert isinstance(found, TorchDecoder) and "They compute wrongly." in notice
    model = SimpleNamespace(name="base", turbo=False, notice=notice)
    assert _unused(Generate(prompt="x"), model) == (notice,)  # what the user is told
    assert error(found.decode(latents), right) < 1e-5
