"""How fast ACE-Step's sound is here, against diffusers in the same run. A table for people; the last line is JSON.

Random weights at the published shapes. Ways take turns; medians.

    vae_speedup   latents -> sound in bf16: diffusers' own decoder over ours, 3 s at the shape of the published VAE
    vae_error     of our sound in bf16, root mean square, relative to float32 with the same weights
    outside_ms    a job with a 60 s song, from submit to kept, without the pipeline: what the engine does around it,
                  splice, loudness, files; the slower of Generate (mastered) and Edit (20 s spliced), no resampling

With a GPU, for turbo and xl-turbo, songs of 60 and 240 s, eight steps in bf16, from latents of noise to sound:

    *_speedup     diffusers' pipeline over ours
    *_over_roof   ours over the roofline: FLOPs over the speed of a large product, bytes over that of a copy, both
                  measured in the same run; the larger of the two for the steps, and for the VAE with all fused

Run all, or parts: `python bench/acestep.py --only vae_speedup,vae_error`; `--quick` takes fewer rounds. With
`--threads 1` times are those of the processor, which other work hardly disturbs; with more they are wall times.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import backend  # noqa: E402  (found by the line above, wherever this is started from)
import tiny_acestep  # noqa: E402
from engines.acestep.snake import PackedDecoder, decoder  # noqa: E402
from settings import Settings, settings  # noqa: E402
from song.request import read  # noqa: E402

Figures = dict[str, float]
GOALS = {"vae_speedup": ">= 1.5", "vae_error": "<= 0.01", "outside_ms": "<= 300"}
VAE = {"downsampling_ratios": [2, 4, 4, 6, 10], "channel_multiples": [1, 2, 4, 8, 16], "sampling_rate": 48_000}
SHAPES: dict[str, dict[str, Any]] = {  # of the transformer, as published
    "turbo": {"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24, "num_attention_heads": 16},
    "xl_turbo": {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 32, "num_attention_heads": 32},
}
LENGTHS = (60, 240)  # seconds
STEPS, RATE = 8, 25  # of a turbo checkpoint; latents a second
VAE_FLOPS, VAE_BYTES = 121.9e9, 0.33e9  # for a second of sound; counted, with all that follows a convolution fused


def now() -> float:
    """Seconds on the clock that counts, see above."""
    import torch

    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def in_turns(ways: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = now) -> dict[str, float]:
    """Median seconds of each way. The first turn of each is not counted: it compiles, and touches memory."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begun = clock()
            way()
            if number:
                spent[name].append(clock() - begun)
    return {name: statistics.median(found) for name, found in spent.items()}


# --- sound of latents -------------------------------------------------------------------------------------------------


def vae(dtype: Any, device: str = "cpu", **shape: Any) -> Any:
    """Random weights that bfloat16 holds exactly, and Snakes of many kinds, as training leaves them."""
    import torch
    from diffusers import AutoencoderOobleck

    torch.manual_seed(0)
    net: Any = AutoencoderOobleck(**(shape or VAE))
    net.eval().requires_grad_(False)
    for module in net.modules():
        if hasattr(module, "alpha"):
            module.alpha.normal_(0, 0.5)
            module.beta.normal_(0, 0.5)
    return net.to(torch.bfloat16).to(device, dtype)


def decoding(rounds: int) -> Figures:
    import torch

    seconds = 3
    latents = torch.randn(1, seconds * RATE, 64, generator=torch.Generator().manual_seed(1)).bfloat16()
    stock = vae(torch.bfloat16)
    ours = PackedDecoder(stock, "bf16", threads=torch.get_num_threads())
    sounds: dict[str, np.ndarray] = {}

    def theirs() -> None:
        with torch.inference_mode():
            sounds["diffusers"] = stock.decode(latents.transpose(1, 2)).sample.float().numpy()

    def mine() -> None:
        sounds["ours"] = ours.decode(latents)

    spent = in_turns({"diffusers": theirs, "ours": mine}, rounds)
    with torch.inference_mode():
        right = vae(torch.float32).decode(latents.float().transpose(1, 2)).sample.numpy()
    error = {name: float(np.sqrt(np.mean((one - right) ** 2) / np.mean(right**2))) for name, one in sounds.items()}
    for name in spent:
        _row(f"{name}, bf16", f"{spent[name] / seconds:.3f} s for a second of sound, error {error[name]:.4f}")
    return {
        "vae_speedup": round(spent["diffusers"] / spent["ours"], 2),
        "vae_error": round(error["ours"], 4),
    }


# --- around the pipeline ----------------------------------------------------------------------------------------------


def outside(rounds: int) -> Figures:
    """The pipeline is a tiny one that gives back a song of the composer at once."""
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        tiny_acestep.checkpoint(Path(folder) / "checkpoints" / "turbo", "turbo")
        os.environ["STUDIO_CHECKPOINTS"] = str(Path(folder) / "checkpoints")
        settings.cache_clear()
        studio = backend.Studio(Settings(home=Path(folder) / "home", lane="inline", min_free_disk=0))
        studio.start()
        try:
            return _outside(studio, rounds)
        finally:
            studio.close()
            del os.environ["STUDIO_CHECKPOINTS"]
            settings.cache_clear()


def _outside(studio: backend.Studio, rounds: int) -> Figures:
    import torch

    import post_process
    from engines.acestep.model import Model

    song = {"prompt": "house, 124 bpm, A minor", "duration": 60, "engine": "composer"}
    source, other = (_made(studio, "generate", **song, seed=seed) for seed in (1, 2))
    sound = post_process.read(Path(other.files["audio"])).samples
    whole = Model.latents, Model.sound
    Model.latents = lambda self, wanted, progress: torch.zeros(1, 60 * RATE, 8)  # type: ignore[method-assign]
    Model.sound = lambda self, latents, progress, tile=0: sound.copy()  # type: ignore[method-assign]
    asked = {"engine": "acestep", "prompt": "techno", "seed": 3}
    try:
        spent = in_turns(
            {
                "Generate": lambda: _made(studio, "generate", **asked, duration=60),
                "Edit": lambda: _made(studio, "edit", **asked, source=source.id, regions="20-40"),
            },
            rounds,
        )
    finally:
        Model.latents, Model.sound = whole  # type: ignore[method-assign]
    for name, seconds in spent.items():
        _row(f"{name}, 60 s", f"{seconds * 1e3:.0f} ms")
    return {"outside_ms": round(max(spent.values()) * 1e3)}


def _made(studio: backend.Studio, mode: str, **knobs: Any) -> Any:
    *_, job = studio.follow(studio.submit(read({"mode": mode} | knobs)).id)
    if job.state != "done":
        raise SystemExit(f"A song was not made: {job.error}")
    return studio.library.take(job.takes[0])


# --- on a GPU ---------------------------------------------------------------------------------------------------------


def on_gpu(rounds: int) -> Figures:
    figures: Figures = {}
    speed, bandwidth = _roof("cuda")
    _row("bf16 product, copy", f"{speed / 1e12:.0f} TFLOP/s, {bandwidth / 1e9:.0f} GB/s")
    for name, shape in SHAPES.items():
        net = _pipeline(shape, VAE, "cuda")
        for seconds in LENGTHS:
            ours, theirs = _songs(net, seconds, rounds)
            roof = _least(net.transformer, seconds, speed, bandwidth)
            _row(f"{name}, {seconds} s", f"{ours:.3f} s, diffusers {theirs:.3f} s, roofline {roof:.3f} s")
            figures[f"{name}_{seconds}_speedup"] = round(theirs / ours, 2)
            figures[f"{name}_{seconds}_over_roof"] = round(ours / roof, 2)
        del net
    return figures


def _roof(device: str, width: int = 8192) -> tuple[float, float]:
    """FLOPs of a bf16 product, and bytes read and written by a copy, in a second."""
    import torch

    a = torch.randn(width, width, device=device).bfloat16()
    b, wait = torch.empty_like(a), _waiting(device)

    def clock() -> float:
        wait()
        return time.perf_counter()

    spent = in_turns({"product": lambda: a @ a, "copy": lambda: b.copy_(a)}, 20, clock)
    return 2 * width**3 / spent["product"], 2 * a.nbytes / spent["copy"]


def _waiting(device: str) -> Callable[[], None]:
    import torch

    return torch.cuda.synchronize if device == "cuda" else lambda: None


def _pipeline(shape: dict[str, Any], vae_shape: dict[str, Any], device: str) -> Any:
    """A tiny pipeline whose transformer and VAE are of another shape: those take the time."""
    import torch
    from diffusers import AceStepTransformer1DModel

    net, latents = tiny_acestep.built("turbo"), vae_shape.get("decoder_input_channels", 64)
    given: dict[str, Any] = {"num_key_value_heads": 8, "in_channels": 3 * latents, "model_version": "turbo"} | shape
    given |= {"audio_acoustic_hidden_dim": latents, "encoder_hidden_size": tiny_acestep.WIDTH}
    with torch.device(device):
        net.transformer = AceStepTransformer1DModel(**given)
    net.transformer.eval().requires_grad_(False)
    net.condition_encoder.silence_latent = torch.zeros(1, 15_000, latents)
    net.condition_encoder.timbre_encoder.embed_tokens = torch.nn.Linear(latents, tiny_acestep.WIDTH)
    net.vae = vae(torch.bfloat16, device, **vae_shape)
    net.set_progress_bar_config(disable=True)
    return net.to(device, torch.bfloat16)


def _songs(net: Any, seconds: int, rounds: int) -> tuple[float, float]:
    """Seconds that a song takes by us and by diffusers, whose VAE must not have been changed by us."""
    import torch

    device = str(net.transformer.device.type)
    wait, changed = _waiting(device), vae(torch.bfloat16, device, **_shape_of(net.vae))
    ours = decoder(changed)
    if ours.notice:
        _row("decoder", ours.notice)

    def song(**said: Any) -> Any:
        generator = torch.Generator().manual_seed(1)
        with torch.inference_mode():
            return net(
                prompt="a song", lyrics="la", audio_duration=float(seconds), num_inference_steps=STEPS,
                guidance_scale=1.0, shift=3.0, generator=generator, **said,
            ).audios  # fmt: skip

    def clock() -> float:
        wait()
        return time.perf_counter()

    ways = {"ours": lambda: ours.decode(song(output_type="latent")), "theirs": lambda: song().float().cpu().numpy()}
    spent = in_turns(ways, rounds, clock)
    return spent["ours"], spent["theirs"]


def _shape_of(net: Any) -> dict[str, Any]:
    return {name: value for name, value in net.config.items() if not name.startswith("_")}


def _least(transformer: Any, seconds: float, speed: float, bandwidth: float) -> float:
    """Seconds of the roofline: weights read in every step, their products and those of attention; and the VAE."""
    config = transformer.config
    tokens = seconds * RATE / config.patch_size
    weights = sum(one.numel() for one in transformer.layers.parameters())
    across = config.num_attention_heads * config.head_dim
    seen = sum(
        min(tokens, 2 * config.sliding_window) if one == "sliding_attention" else tokens
        for one in transformer.layer_types
    )
    step = max((2 * weights + 4 * seen * across) * tokens / speed, 2 * weights / bandwidth)
    return STEPS * step + max(VAE_FLOPS * seconds / speed, VAE_BYTES * seconds / bandwidth)


# --- run --------------------------------------------------------------------------------------------------------------

PARTS: dict[Callable[[int], Figures], tuple[str, ...]] = {
    decoding: ("vae_speedup", "vae_error"),
    outside: ("outside_ms",),
}
GPU = tuple(f"{name}_{seconds}_{what}" for name in SHAPES for seconds in LENGTHS for what in ("speedup", "over_roof"))


def _row(name: str, value: str) -> None:
    print(f"  {name:<24} {value}", flush=True)


def _parts() -> dict[Callable[[int], Figures], tuple[str, ...]]:
    import torch

    return PARTS | ({on_gpu: GPU} if torch.cuda.is_available() else {})


def _asked(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure ACE-Step.")
    parser.add_argument("--only", default=",".join(names), help="some of " + ", ".join(names))
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--threads", type=int, default=2, help="threads that the processor's work takes; 2")
    asked = parser.parse_args()
    asked.only = set(asked.only.split(","))
    if unknown := asked.only - set(names):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    return asked


def main() -> None:
    import diffusers
    import torch

    diffusers.utils.logging.set_verbosity_error()
    parts = _parts()
    asked = _asked([name for names in parts.values() for name in names])
    torch.set_num_threads(asked.threads)
    print(f"{os.cpu_count()} cores, {asked.threads} threads, load {os.getloadavg()[0]:.1f} at the start")
    figures: Figures = {}
    for part, names in parts.items():
        if asked.only & set(names):
            print(", ".join(names))
            figures |= part(3 if asked.quick else 5)
    print(f"load {os.getloadavg()[0]:.1f} at the end\n")
    for name, figure in figures.items():
        print(f"  {name:<22} {figure:>9g}   {GOALS.get(name, '')}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
