"""Demucs 4.1: HTDemucs (Rouard, Massa, Défossez 2023, "Hybrid Transformers for Music Source Separation").

It is handed arrays and gives arrays. Of the package only the model, its loader and its overlapped chunks are used,
which import torch, einops, julius and no more; `sphn`, with which its own command reads files, is not installed (see
Makefile).
Weights are safetensors with class and arguments in their metadata; the class is held against the one that is known
before anything is built, and every tensor has to find its place. Nothing is unpickled.
"""

import functools
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import checkpoints
import memory
from checkpoints.reading import check_intact
from song.audio import Audio
from song.errors import BadCheckpoint, BadRequest, CannotMake, EngineMissing
from song.progress import Progress

ENGINE = "demucs"
GET = "studio models get htdemucs --accept-licence"
OVERLAP = 0.25  # of a chunk, as Demucs itself has it
_LIBRARIES = ("torch", "demucs", "einops", "julius")


def lack() -> str | None:
    """Why no song can be taken apart here, in one sentence that says what to get; None where one can."""
    if not all(find_spec(name) for name in _LIBRARIES):
        return "Taking a song apart needs PyTorch and Demucs, which are not installed; install them with: make neural."
    if not available():
        return f"Taking a song apart needs a model of Demucs, and none is here; get one with: {GET}."
    return None


def available() -> dict[str, Path]:
    """Folders with a whole checkpoint by name; the published ones first, in their order."""
    there = {one.name: one.path for one in checkpoints.there() if one.layout == ENGINE and one.problem is None}
    order = [*checkpoints.known(ENGINE), *there]
    return {name: there[name] for name in dict.fromkeys(order) if name in there}


def chosen(name: str = "") -> tuple[str, Path]:
    """The model asked for, or the first that is here. Raises BadRequest, EngineMissing, BadCheckpoint."""
    if name not in ("", *checkpoints.known(ENGINE), *available()):
        choices = ", ".join(dict.fromkeys([*checkpoints.known(ENGINE), *available()]))
        raise BadRequest("model", f"there is no model {name[:80]} that takes songs apart; choose {choices}")
    if not name and (found := available()):
        name = next(iter(found))
    why = lack()
    if why and (broken := [one for one in checkpoints.there() if one.kind == "separator" and one.problem]):
        raise BadCheckpoint(str(broken[0].problem))
    if why:
        raise EngineMissing(why)
    return name, checkpoints.need(name)


def licence(name: str) -> str:
    """What may be done with what a model gives, in one sentence."""
    known = checkpoints.known(ENGINE)
    return known[name if name in known else "htdemucs"].licence.sentence


@functools.cache
def separator() -> "Separator":
    """The one of this process. Made, not loaded."""
    return Separator()


class Separator:
    """Holds the model that was used last, until it is told to let go."""

    def __init__(self) -> None:
        self._net: Any = None
        self._folder: Path | None = None

    def unload(self) -> None:
        """Give the memory back."""
        if self._net is not None:
            self._net = self._folder = None
            memory.give_back()

    def separate(self, audio: Audio, name: str, folder: Path, progress: Progress) -> dict[str, Audio]:
        """The parts of a song by name, of its own rate, length and channels. `folder` holds the checkpoint `name`.

        Progress comes before and after every chunk, and may raise. Raises BadCheckpoint, NotEnoughMemory, CannotMake.
        """
        check_intact(name, folder, progress)
        progress(0.0, "Loading Demucs")
        net = self._loaded(name, folder, audio.duration)
        try:
            return self._parts(net, audio, progress)
        except (MemoryError, RuntimeError) as error:
            if not memory.ran_out(error):
                raise
        self.unload()
        raise CannotMake("There was not enough memory to take this song apart; close something, or give a shorter one.")

    def _loaded(self, name: str, folder: Path, seconds: float) -> Any:
        if self._folder != folder:
            self.unload()
        weights = _parameters(folder) if self._net is None else 0
        memory.require(memory.separator(weights, seconds), f"Taking {seconds:.0f} s apart with {name}", _device())
        if self._net is None:
            self._net, self._folder = _net(folder), folder
        return self._net

    def _parts(self, net: Any, audio: Audio, progress: Progress) -> dict[str, Audio]:
        """As Demucs' own command does it, but without its shift by chance: the same song gives the same stems."""
        import torch
        from demucs.apply import apply_model

        from dsp.splice import resampled

        heard = resampled(np.broadcast_to(audio.samples, (2, audio.frames)), audio.sample_rate, net.samplerate)
        mean, spread = float(heard.mean()), float(heard.mean(axis=0).std()) + 1e-8
        mix = torch.from_numpy((heard - mean) / spread)[None]
        beat = _beat(progress, mix.shape[-1], net)
        parts = apply_model(net, mix, shifts=0, overlap=OVERLAP, device=_device(), callback=beat)[0].numpy()
        found = {}
        for name, part in zip(net.sources, parts, strict=True):
            back = resampled(part * spread, net.samplerate, audio.sample_rate)[:, : audio.frames]
            back = back if audio.channels == 2 else back.mean(axis=0, keepdims=True)
            found[str(name)] = Audio(np.pad(back, ((0, 0), (0, audio.frames - back.shape[1]))), audio.sample_rate)
        return found


def _beat(progress: Progress, frames: int, net: Any) -> Any:
    """What Demucs calls before and after every chunk, as progress."""
    stride = int((1 - OVERLAP) * int(net.samplerate * min(one.segment for one in net.models)))
    chunks = math.ceil(frames / stride)

    def beat(said: dict[str, Any]) -> None:
        done = said["model_idx_in_bag"] * chunks + said["segment_offset"] / stride + (said["state"] == "end")
        progress(min(1.0, done / (chunks * len(net.models))), "Taking apart")

    return beat


def _parameters(folder: Path) -> int:
    headers = [checkpoints.header(path) for path in checkpoints.models(folder)]
    return sum(math.prod(shape) for header in headers for _, shape, _, _ in header.values())


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _net(folder: Path) -> Any:
    """The models of a folder, ready to be asked. Raises BadCheckpoint."""
    from demucs.apply import BagOfModels
    from demucs.hf import load_safetensors_model

    checkpoints.check(folder)
    said = checkpoints.bagged(folder)
    try:
        models = [load_safetensors_model(path) for path in checkpoints.models(folder)]
        net = BagOfModels(models, said.get("weights"), said.get("segment"))
    except (RuntimeError, TypeError, ValueError, KeyError, AssertionError) as error:
        if memory.ran_out(error):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0].strip()
        raise BadCheckpoint(
            f"The weights in {folder} do not fit Demucs ({reason[:120]}); get them again with: {GET}."
        ) from error
    if any(one.audio_channels != 2 for one in models):
        raise BadCheckpoint(f"{folder} is not for stereo; get one with: {GET}.")
    return net.eval()
