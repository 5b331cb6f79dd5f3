"""The decoder of latents, judged by diffusers' own."""

from types import SimpleNamespace

import numpy as np
import pytest

import doctor
import tiny_acestep
from engines.acestep import AceStep, snake
from engines.acestep import model as loaded
from engines.acestep.door import _unused
from engines.acestep.snake import PackedDecoder, TorchDecoder, decoder, overlap
from kernels import KernelsUnfit
from song.errors import Cancelled
from song.progress import silent
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
        found = decoder(lively(dtype))
        assert isinstance(found, PackedDecoder) and not found.notice
        assert error(found.decode(latents[:1]), right[:1]) < allowed


def test_where_the_kernels_cannot_be_used(latents, right, monkeypatch):
    def refuse(*said):
        raise KernelsUnfit("They compute wrongly.")

    monkeypatch.setattr(snake, "PackedDecoder", refuse)
    found = decoder(lively())
    assert isinstance(found, TorchDecoder) and "They compute wrongly." in found.notice
    model = SimpleNamespace(name="base", turbo=False, notice=found.notice)
    assert _unused(Generate(prompt="x"), model) == (found.notice,)  # what the user is told
    assert error(found.decode(latents), right) < 1e-5


# --- compilers that fail ----------------------------------------------------------------------------------------------

PTXAS = "No valid configs.\n`ptxas` stderr:\nptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'"


def compiler(*answers):
    """As torch.compile: the function is compiled when it is called. Each call takes the next answer, the last for good:
    what a call gives is "right", "wrong", or raised."""
    left = list(answers)

    def compiled(function, dynamic):
        assert dynamic, "songs have many lengths"

        def call(*tensors):
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return function(*tensors) + (answer == "wrong")

        return call

    return compiled


def test_a_compiler_that_works_is_used(latents, right):
    found = TorchDecoder(lively(), compiler("right"))
    assert error(found.decode(latents), right) < 1e-5 and not found.notice


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((RuntimeError(PTXAS),), "RuntimeError: ptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'"),
        ((OSError("no gcc"),), "OSError: no gcc"),
        ((OSError(),), "OSError: no reason given"),
        (("wrong",), "the compiled function computes something else"),
        (("right", "right", OSError("disk full")), "OSError: disk full"),  # in the middle of a song
    ],
    ids=lambda said: str(said)[:30],
)
def test_a_compiler_that_fails_costs_no_song(latents, right, answers, said):
    """Not at the first call, not at a later one; what is heard is the plain function, and the user is told."""
    found = TorchDecoder(lively(), compiler(*answers))
    assert error(found.decode(latents), right) < 1e-5
    assert found.notice == f"Decoded without compiled functions, which is slower: {said}."


def test_memory_that_runs_out_is_no_fault_of_the_compiler(latents, right):
    """It is for whoever decodes in smaller pieces."""
    found = TorchDecoder(lively(), compiler("right", MemoryError(), "right"))
    with pytest.raises(MemoryError):
        found.decode(latents)
    assert error(found.decode(latents), right) < 1e-5 and not found.notice


def test_a_take_says_that_nothing_was_compiled(neural, monkeypatch):
    broken = compiler("right", RuntimeError(PTXAS))
    monkeypatch.setattr(loaded, "decoder", lambda vae: TorchDecoder(vae, broken))
    request = Generate(prompt="x", seed=1, duration=10, checkpoint="turbo", precision="fp32", thinking=False)
    take = AceStep().generate(request.model_copy(update={"inference_steps": 1}), silent)
    assert take.audio.frames == 10 * 48_000 and np.abs(take.audio.samples).max() > 0
    assert any(one.startswith("Decoded without compiled functions") and "sm_121a" in one for one in take.notices)


def test_doctor_tries_the_true_compiler(monkeypatch, tmp_path):
    """PyTorch's own for the processor, with a C++ compiler that fails, as Triton does with a ptxas that is too old."""
    for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("CXX", "/bin/false")
    found = doctor._triton(needed=True, device="cpu")
    assert not found.ok and not found.fatal and len(found.said.splitlines()) == 1
    assert "cannot compile (" in found.said and "/bin/false" in found.said and "python3-dev" in found.said


def test_doctor_says_so_where_the_trial_itself_dies(monkeypatch):
    found = doctor._triton(needed=True, device="mars")
    assert not found.ok and "Expected one of cpu" in found.said and len(found.said.splitlines()) == 1
    monkeypatch.setattr(doctor, "TRIAL", 0.01)
    assert "more than 0 s" in doctor._triton(needed=True).said
    assert doctor._triton(needed=False).ok


def test_doctor_has_a_line_for_it():
    found = next(one for one in doctor.examine() if one.name == "triton")
    assert doctor._cuda().ok or found.said.startswith("not needed")
