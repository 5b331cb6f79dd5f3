"""A checkpoint in memory, through diffusers' AceStepPipeline: words and sound in, latents out, and sound of latents.

Conventions: sound is float32 (2, samples) at 48 kHz; latents are (songs, frames, channels), 25 frames a second.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import checkpoints
import memory
from checkpoints.reading import complaining
from engines.acestep import attention, found
from engines.acestep.adapters import Adapters
from engines.acestep.asked import NotNumbers, Told
from engines.acestep.guidance import angled
from engines.acestep.held import Held
from engines.acestep.snake import decoder
from engines.acestep.strength import fading, first_told, heard_until
from song.errors import BadRequest
from song.progress import Progress
from song.schedule import ratios

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PRECISIONS = ("fp32", "bf16")
TEXT_TOKENS, LYRIC_TOKENS = 256, 2048  # that are read; the model was trained on no more


@dataclass(frozen=True, eq=False)
class Wanted:
    """Songs to be made side by side, one for each of `seeds`.

    task       by the model's name for it
    seconds    of the song; where there is a source it decides
    source     the sound that is covered, repainted or taken apart
    reference  the sound whose timbre the song should have
    region     seconds of the source that are made anew
    strength   0-1: the share of a cover's steps that hear its source
    free       0-1: the share of a repaint's steps in which what lies outside of its region is not held to the source
    track      that is added or taken out, or with which a song is completed
    interval   guidance is on where it begins <= t <= ends; t is 1 for noise and 0 for music
    codes      "<|audio_code_N|>", five a second: what a planner wants to hear
    adg        whether guidance is angle domain guidance
    method     "ode", or "sde": with fresh noise at every step
    """

    task: str
    told: Told
    seeds: tuple[int, ...]
    seconds: float
    steps: int
    guidance: float
    shift: float
    interval: tuple[float, float] = (0.0, 1.0)
    source: np.ndarray | None = None
    reference: np.ndarray | None = None
    region: tuple[float, float] | None = None
    strength: float = 1.0
    free: float = 1.0
    track: str | None = None
    codes: str = ""
    method: str = "ode"
    adg: bool = False

    @property
    def rows(self) -> int:
        """Songs that the transformer sees at once, those without the words included."""
        return len(self.seeds) * (2 if self.guidance > 1 else 1)


class Model:
    """One checkpoint, loaded. Raises CannotMake where its files cannot be used."""

    def __init__(self, name: str, folder: Path, precision: str):
        """`precision` is fp32 or bf16."""
        import torch

        self.name, self.folder, self.precision, self.offloaded = name, folder, precision, False
        self.device = device()
        self.revision = checkpoints.fingerprint(folder)
        with complaining("The checkpoint", name):
            self.net = _read(folder, torch.float32 if precision == "fp32" else torch.bfloat16)
            self.net.to(self.device)  # all of it is there already; what is no weight may not be
            attention.install(self.net.transformer)
            self.net.vae.enable_tiling()  # long songs are encoded piece by piece; they are decoded so here
            self.decoder = decoder(self.net.vae)
        self.adapters = Adapters(self.net)

    @property
    def notice(self) -> str:
        """Why it is slower than it could be, as far as that is known by now."""
        return self.decoder.notice

    @property
    def turbo(self) -> bool:
        """Whether its guidance is distilled into its weights: then it has no other."""
        return bool(self.net.is_turbo)

    def offload(self) -> None:
        """Keep in the GPU's memory only the part that computes: slower, and much smaller."""
        self.net.enable_model_cpu_offload(device=self.device)
        if not self.offloaded and self.net.audio_tokenizer is not None:
            _bring(self.net.audio_tokenizer)
        self.offloaded = True

    @property
    def can_offload(self) -> bool:
        """Whether that is still to be gained: a GPU that shares the machine's memory would only hold it elsewhere."""
        return self.device == "cuda" and not self.offloaded and not memory.shared(self.device)

    def require(self, seconds: float, rows: int) -> None:
        """Raises NotEnoughMemory where songs do not fit beside what is loaded."""
        require(self.name, self.folder, self.precision, seconds, rows, loaded=True)

    def latents(self, wanted: Wanted, progress: Progress) -> "Tensor":
        """The songs. Raises BadRequest for words that are too long, NotNumbers, and whatever `progress` raises."""
        import torch

        self._check_words(wanted)
        progress(0.0, "Reading the words" if wanted.source is None else "Listening to the original")
        devices = [torch.cuda.current_device()] if self.device == "cuda" else []
        dice = [torch.Generator("cpu").manual_seed(seed) for seed in wanted.seeds]
        plain = self.net.scheduler
        self.net.scheduler = plain if wanted.method == "ode" else _stirring(plain, dice)
        try:
            guiding = angled(self.net.transformer, len(dice), wanted.guidance) if wanted.adg else nullcontext()
            with torch.random.fork_rng(devices), torch.inference_mode(), self._fading(wanted, progress), guiding:
                torch.manual_seed(0)  # the VAE draws what it hears; the same sound is to be heard the same way
                held = Held(len(dice), wanted.steps, wanted.free) if wanted.task == "repaint" else None
                with held.watching(self.net.transformer) if held else nullcontext():
                    made = self.net(**self._said(wanted, dice, progress, held)).audios
        finally:
            self.net.scheduler = plain
        self.net.maybe_free_model_hooks()  # the pipeline does so only when it decodes, too
        return made.cpu()

    @contextmanager
    def _fading(self, wanted: Wanted, progress: Progress) -> Iterator[None]:
        """A cover is made from its words alone when it has heard enough of its source."""
        import torch

        until = heard_until(wanted.steps, wanted.strength)
        if wanted.task != "cover" or until == wanted.steps:
            yield
            return
        words = replace(wanted, task="text2music", source=None, interval=(0.0, 1.0))
        dice = [torch.Generator("cpu").manual_seed(seed) for seed in wanted.seeds]  # others: these are thrown away
        torch.manual_seed(0)  # a reference is to be heard the same way, too
        told = first_told(self.net, self._said(words, dice, progress))
        with fading(self.net.transformer, until, told):
            yield

    def _said(
        self, wanted: Wanted, dice: "list[torch.Generator]", progress: Progress, held: Held | None = None
    ) -> dict[str, Any]:
        import torch

        def step(net: Any, number: int, time: float, made: dict[str, Any]) -> dict[str, Any]:
            progress((number + 1) / wanted.steps, f"Step {number + 1} of {wanted.steps}")
            if not made["latents"].isfinite().all():
                raise NotNumbers
            if held is None or wanted.free == 1:
                return made
            return {"latents": held.step(number, float(net.scheduler.sigmas[number + 1]), made["latents"])}

        songs, told, guided = len(wanted.seeds), wanted.told, ratios(wanted.interval)
        start, end = wanted.region or (None, None)
        tracks: dict[str, Any] = {"track_name": wanted.track} if wanted.task != "complete" else {}
        if wanted.task == "complete" and wanted.track:
            tracks = {"complete_track_classes": [wanted.track]}
        return tracks | {
            "prompt": [told.caption] * songs,
            "lyrics": [told.lyrics] * songs,
            "vocal_language": [told.language] * songs,
            "bpm": told.bpm,
            "keyscale": told.key,
            "timesignature": told.meter,
            "task_type": wanted.task,
            "audio_duration": wanted.seconds,
            "num_inference_steps": wanted.steps,
            "guidance_scale": wanted.guidance,
            "shift": wanted.shift,
            "cfg_interval_start": guided[0],
            "cfg_interval_end": guided[1],
            "src_audio": None if wanted.source is None else torch.from_numpy(wanted.source),
            "reference_audio": None if wanted.reference is None else torch.from_numpy(wanted.reference),
            "audio_codes": wanted.codes or None,
            "repainting_start": start,
            "repainting_end": end,
            "max_text_length": TEXT_TOKENS,
            "max_lyric_length": LYRIC_TOKENS,
            "generator": dice,
            "callback_on_step_end": step,
            "output_type": "latent",
        }

    def _check_words(self, wanted: Wanted) -> None:
        """The pipeline would cut what is too long, and say nothing. Raises BadRequest."""
        if error := self.too_long(wanted):
            raise error

    def too_long(self, wanted: Wanted) -> BadRequest | None:
        """What is longer than the model reads; None where nothing is."""
        told, net = wanted.told, self.net
        asked = net._get_task_instruction(wanted.task, wanted.track, [wanted.track] if wanted.track else None)
        words, lyrics = net._format_prompt(
            prompt=told.caption,
            lyrics=told.lyrics,
            vocal_language=told.language,
            audio_duration=wanted.seconds,
            instruction=asked,
            bpm=told.bpm,
            keyscale=told.key,
            timesignature=told.meter,
        )
        for field, text, most in (("prompt", words, TEXT_TOKENS), ("lyrics", lyrics, LYRIC_TOKENS)):
            count = len(net.tokenizer(text).input_ids)
            if count > most:
                return BadRequest(field, f"ACE-Step reads {most} tokens of it, these are {count}; shorten it")
        return None

    def sound(self, latents: "Tensor", progress: Progress, tile: int = 0) -> np.ndarray:
        """The sound of one song's latents, (1, frames, channels), as (2, samples); at most `tile` frames at once.
        Raises NotNumbers, and whatever `progress` raises."""
        whole = self.decoder.decode(latents, progress, tile)[0]
        self.net.maybe_free_model_hooks()
        if not np.isfinite(whole).all():
            raise NotNumbers
        return whole


def _bring(tokenizer: Any) -> None:
    """The pipeline turns codes into latents with the tokenizer's quantizer, and never calls the tokenizer itself, whose
    call is what brings it to where it computes. All other parts are called."""
    plain = tokenizer.quantizer.get_output_from_indices

    def brought(indices: "Tensor") -> "Tensor":
        tokenizer._hf_hook.pre_forward(tokenizer)
        return plain(indices)

    tokenizer.quantizer.get_output_from_indices = brought


def _stirring(plain: Any, dice: "list[torch.Generator]") -> Any:
    """The scheduler that takes each step to what it foresees and mixes noise into that, each song's from its own dice:
    ACE-Step 1.5's "sde", which diffusers calls stochastic sampling. The pipeline would let all draw from one."""
    made = type(plain).from_config(plain.config, stochastic_sampling=True)
    made.step = partial(made.step, generator=dice)
    return made


# --- before it is loaded ----------------------------------------------------------------------------------------------


def device() -> str:
    """Where a model computes, by torch's name."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(said: str) -> str:
    """What is computed in. "auto" is bf16 where the processor has it: the weights are published in it."""
    import torch

    if said != "auto":
        return said
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "fp32"


def need(folder: Path, precision: str, seconds: float, rows: int) -> memory.Need:
    """What a checkpoint needs for songs of `seconds`, `rows` of them side by side, in bytes."""
    import torch

    sizes = [one[1] for path in folder.rglob("*.safetensors") for one in checkpoints.header(path).values()]
    fused = attention.fused(device(), torch.float32 if precision == "fp32" else torch.bfloat16)
    held = 0 if fused else found.heads(folder)
    return memory.pipeline(sum(map(prod, sizes)), precision, seconds, rows, found.width(folder), heads=held)


def require(name: str, folder: Path, precision: str, seconds: float, rows: int, loaded: bool) -> None:
    """Raises NotEnoughMemory, with numbers, where a song does not fit; what is loaded is there already."""
    needed = {one: need(folder, one, seconds, rows) for one in {precision, *PRECISIONS}}
    if loaded:
        needed = {one: replace(sizes, weights=0, working=0) for one, sizes in needed.items()}
    whole = needed[precision].total
    smaller = {f"{one} precision": size.total for one, size in needed.items() if size.total < whole}
    memory.require(needed[precision], name, device(), {} if loaded else smaller)


# --- reading files ----------------------------------------------------------------------------------------------------


def _read(folder: Path, dtype: Any) -> Any:
    """The pipeline: nothing from the network, no code of others, weights from safetensors alone."""
    import diffusers
    import torch
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*weight_norm", FutureWarning)  # how the VAE is built is not our affair
        net = diffusers.AceStepPipeline.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=dtype, device_map=device()
        )  # each part is read to where it computes: nothing is in memory twice
    net.set_progress_bar_config(disable=True)
    unneeded = {"null_condition_emb"} if net.is_turbo else set()  # it stands for no words, where there is guidance
    for name, part in net.components.items():
        if isinstance(part, torch.nn.Module):
            _check_whole(folder / name, part, unneeded)
            part.eval().requires_grad_(False)
    return net


def _check_whole(folder: Path, part: Any, unneeded: set[str]) -> None:
    """diffusers fills what is missing with chance, and only warns. Raises ValueError."""
    there = {name.removeprefix("model.") for path in folder.glob("*.safetensors") for name in checkpoints.header(path)}
    if lacking := part.state_dict().keys() - there - unneeded:
        raise ValueError(f"{folder.name} lacks {sorted(lacking)[:3]}")
