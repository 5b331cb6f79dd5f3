"""LoRAs on the pipeline: held against the transformer first, put on through PEFT, and counted afterwards.

The transformer's own weights stay as they are; a LoRA's product is added while the sound is made. So strengths change
without loading anything again, and taking the LoRAs off leaves the model as it was, bit for bit.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import loras
import memory
from song.errors import CannotMake, EngineMissing
from song.loras import Wanted, parse

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Used:
    """A LoRA at a strength."""

    lora: loras.Lora
    inside: loras.Inside
    strength: float

    @property
    def scales(self) -> tuple[float, ...]:
        """What the products count at strength 1, module by module."""
        return tuple(pair.scale for pair in self.inside.pairs)

    @property
    def notice(self) -> str:
        """What a take made with it says. True once `Adapters.use` has put it on."""
        count = self.inside.tensors
        told = [f"LoRA {self.lora.name} at {self.strength:g}: applied {count} of {count} tensors."]
        if self.inside.alpha == "nobody":
            told.append("Its alpha is said nowhere and taken as its rank.")
        return " ".join([*told, self.lora.licence]).strip()

    @property
    def version(self) -> str:
        """What the sound depends on, for the recipe: "<sha256> at 0.8, alpha over rank 2"."""
        scales = ", ".join(f"{scale:.6g}" for scale in sorted(set(self.scales)))
        return f"{self.lora.sha256} at {self.strength:g}, alpha over rank {scales}"


def wanted(text: str) -> tuple[Used, ...]:
    """The LoRAs that a request asks for, without those at strength 0. They come in an order of their own: how they were
    named must not change the sound. Fast: reads headers.

    Raises BadRequest where one is not here or was spoilt, EngineMissing where PEFT is not.
    """
    found = [_found(one) for one in parse(text) if one.strength > 0]
    if found and find_spec("peft") is None:
        raise EngineMissing("LoRAs need PEFT, which is not installed; install it with: make neural.")
    return tuple(sorted(found, key=lambda used: used.lora.sha256))


def _found(one: Wanted) -> Used:
    lora = loras.find(one.name)
    return Used(lora, lora.inside(), one.strength)


def check_width(asked: Sequence[Used], width: int) -> None:
    """Raises BadRequest where a LoRA was made for a transformer of another width. For before a model is loaded."""
    for used in asked:
        loras.check_width(used.inside, used.lora.name, width)


class Adapters:
    """The LoRAs that are on one pipeline, which must be diffusers' AceStepPipeline."""

    def __init__(self, pipeline: Any):
        self.pipeline = pipeline
        self._on: list[tuple[str, tuple[float, ...]]] = []  # SHA-256 and scales

    def use(self, asked: Sequence[Used]) -> None:
        """Put exactly these on, at their strengths; none at all takes all off.

        Raises BadRequest where one does not fit or was changed on disk, NotEnoughMemory, and CannotMake where one
        cannot be put on whole. Then none is on.
        """
        keys = [(used.lora.sha256, used.scales) for used in asked]
        if keys != self._on:
            self.remove()
            if asked:
                self._put(asked)
            self._on = keys
        if asked:
            self.pipeline.set_adapters([_name(place) for place in range(len(asked))], [one.strength for one in asked])

    def remove(self) -> None:
        """Take all off: the modules that were wrapped are in their places again."""
        self._on = []
        self.pipeline.unload_lora_weights()

    def _put(self, asked: Sequence[Used]) -> None:
        transformer = self.pipeline.transformer
        shapes = _shapes(transformer)
        for used in asked:
            loras.check_fit(used.inside, used.lora.name, shapes, transformer.config.hidden_size)
            used.lora.check()
        _check_memory(asked, transformer)
        try:
            for place, used in enumerate(asked):
                matrices = _matrices(used, transformer)
                with warnings.catch_warnings(action="ignore"):  # of several at once, which are meant
                    self.pipeline.load_lora_weights(_named(matrices), adapter_name=_name(place))
                _check_on(transformer, matrices, _name(place), used)
        except BaseException:
            self.remove()
            raise


# --- inside -----------------------------------------------------------------------------------------------------------


def _name(place: int) -> str:
    return f"lora{place}"


def _shapes(transformer: Any) -> dict[str, tuple[int, ...]]:
    import torch

    linear = ((name, one) for name, one in transformer.named_modules() if isinstance(one, torch.nn.Linear))
    return {name: tuple(one.weight.shape) for name, one in linear}


def _check_memory(asked: Sequence[Used], transformer: Any) -> None:
    """Raises NotEnoughMemory, with numbers, where they do not fit beside the model; the largest is there twice while it
    is read."""
    numbers = [sum(pair.rank * (pair.into + pair.out) for pair in used.inside.pairs) for used in asked]
    names = " and ".join(used.lora.name for used in asked)
    device = "cuda" if transformer.device.type == "cuda" else "cpu"
    needed = sum(numbers) * transformer.dtype.itemsize + max(used.lora.bytes for used in asked)
    memory.require(needed, f"LoRA {names}", device)


def _matrices(used: Used, transformer: Any) -> "dict[str, tuple[Tensor, Tensor]]":
    """module -> down and up, in the model's own precision. What alpha adds is multiplied in, in 32 bit: PEFT would have
    to be told about each rank by a regular expression."""
    from safetensors.torch import load_file

    read = load_file(used.lora.path)
    found = {}
    for pair in used.inside.pairs:
        up = read[pair.up].float() * pair.scale
        found[pair.module] = (read[pair.down].to(transformer.dtype), up.to(transformer.dtype))
    return found


def _named(matrices: "Mapping[str, tuple[Tensor, Tensor]]") -> "dict[str, Tensor]":
    """As diffusers' own files name them."""
    named: dict[str, Tensor] = {}
    for module, (down, up) in matrices.items():
        named |= {f"transformer.{module}.lora_A.weight": down, f"transformer.{module}.lora_B.weight": up}
    return named


def _check_on(transformer: Any, matrices: "Mapping[str, tuple[Tensor, Tensor]]", name: str, used: Used) -> None:
    """Raises CannotMake unless every matrix is where it belongs. diffusers only logs what it could not place."""
    missing = []
    for module, pair in matrices.items():
        layer = transformer.get_submodule(module)
        for part, given in zip(("lora_A", "lora_B"), pair, strict=True):
            placed = getattr(layer, part, {})
            if name not in placed or not placed[name].weight.cpu().equal(given):
                missing.append(f"{module}.{part}")
    if missing:
        count = used.inside.tensors
        raise CannotMake(
            f"Of LoRA {used.lora.name} only {count - len(missing)} of {count} tensors could be applied, {missing[0]} "
            "could not; choose another one."
        )
