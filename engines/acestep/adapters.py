"""LoRAs on the pipeline: held against the transformer first, put on, and counted afterwards.

Plain LoRAs go on through PEFT: the weights stay as they are, the product is added while the sound is made, and
strengths change without loading anything again. LoKr, LoHa and DoRA go into the weights: what each changes is found
from the model's own weights and all of it added up, so the order makes no difference; the weights themselves are kept
in the machine's memory meanwhile. Taking all off leaves the model as it was, bit for bit.
"""

import contextlib
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
        return tuple(one.scale for one in self.inside.patches)

    @property
    def notice(self) -> str:
        """What a take made with it says. True once `Adapters.use` has put it on."""
        count = self.inside.tensors
        told = [f"{self.inside.kind} {self.lora.name} at {self.strength:g}: applied {count} of {count} tensors."]
        if self.inside.alpha == "nobody":
            told.append("Its alpha is said nowhere and taken as its rank.")
        if self.strength != 1 and any("dora_scale" in one.parts for one in self.inside.patches):
            told.append("Its strength scales how long the weights' rows become, not where they point, as in LyCORIS.")
        return " ".join([*told, self.lora.licence]).strip()

    @property
    def version(self) -> str:
        """What the sound depends on, for the recipe: "<sha256> at 0.8, alpha over rank 2", with its kind if it is more
        than a LoRA."""
        scales = ", ".join(f"{scale:.6g}" for scale in sorted(set(self.scales)))
        kind = "" if self.inside.plain else f"{self.inside.kind}, "
        return f"{self.lora.sha256} at {self.strength:g}, {kind}alpha over rank {scales}"


def wanted(text: str) -> tuple[Used, ...]:
    """The LoRAs that a request asks for, without those at strength 0. They come in an order of their own: how they were
    named must not change the sound. Fast: reads headers.

    Raises BadRequest where one is not here or was spoilt, EngineMissing where PEFT is not and a plain one needs it.
    """
    found = [_found(one) for one in parse(text) if one.strength > 0]
    if any(used.inside.plain for used in found) and find_spec("peft") is None:
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
        self._on: list[tuple[Any, ...]] = []  # SHA-256 and scales, with the strength of those that are in the weights
        self._beside = False  # whether any went on through PEFT
        self._own: dict[str, Tensor] = {}  # the model's own weights, of matrices that were changed

    def use(self, asked: Sequence[Used]) -> None:
        """Put exactly these on, at their strengths; none at all takes all off.

        Raises BadRequest where one does not fit or was changed on disk, NotEnoughMemory, and CannotMake where one
        cannot be put on whole. Then none is on.
        """
        keys = [(one.lora.sha256, one.scales, None if one.inside.plain else one.strength) for one in asked]
        if keys != self._on:
            self.remove()
            if asked:
                self._put(asked)
            self._on = keys
        if beside := [one for one in asked if one.inside.plain]:
            self.pipeline.set_adapters([_name(place) for place in range(len(beside))], [one.strength for one in beside])

    def remove(self) -> None:
        """Take all off: the modules that were wrapped are in their places again, and so are the model's own weights."""
        import torch

        self._on = []
        if self._beside:
            self.pipeline.unload_lora_weights()
            self._beside = False
        with torch.no_grad():
            for module, weight in self._own.items():
                self.pipeline.transformer.get_submodule(module).weight.copy_(weight)
        self._own = {}

    def _put(self, asked: Sequence[Used]) -> None:
        transformer = self.pipeline.transformer
        shapes = _shapes(transformer)
        for used in asked:
            loras.check_fit(used.inside, used.lora.name, shapes, transformer.config.hidden_size)
            used.lora.check()
        beside, within = ([one for one in asked if one.inside.plain is plain] for plain in (True, False))
        _check_memory(beside, within, transformer)
        try:
            self._put_within(within)
            self._put_beside(beside)
        except BaseException:
            self.remove()
            raise

    def _put_beside(self, asked: Sequence[Used]) -> None:
        transformer = self.pipeline.transformer
        for place, used in enumerate(asked):
            matrices = _matrices(used, transformer)
            self._beside = True
            with warnings.catch_warnings(action="ignore"):  # of several at once, which are meant
                self.pipeline.load_lora_weights(_named(matrices), adapter_name=_name(place))
            _check_on(transformer, matrices, _name(place), used)

    def _put_within(self, asked: Sequence[Used]) -> None:
        """Change the weights, matrix by matrix. Each change is found from the model's own weight."""
        import torch
        from safetensors import safe_open

        transformer = self.pipeline.transformer
        with contextlib.ExitStack() as files, torch.no_grad():
            opened = [files.enter_context(safe_open(used.lora.path, "pt")) for used in asked]
            for module in sorted({one.module for used in asked for one in used.inside.patches}):
                weight = transformer.get_submodule(module).weight
                changed = weight.float()
                for used, file in zip(asked, opened, strict=True):
                    for one in (one for one in used.inside.patches if one.module == module):
                        changed = changed + one.change(file.get_tensor, weight, used.strength)
                changed = changed.to(weight.dtype)
                if not changed.isfinite().all():
                    names = " and ".join(used.lora.name for used in asked)
                    raise CannotMake(f"{names} would make {module} something that is no number; lower the strength.")
                self._own[module] = weight.to("cpu", copy=True)
                weight.copy_(changed)


# --- inside -----------------------------------------------------------------------------------------------------------


def _name(place: int) -> str:
    return f"lora{place}"


def _shapes(transformer: Any) -> dict[str, tuple[int, ...]]:
    import torch

    linear = ((name, one) for name, one in transformer.named_modules() if isinstance(one, torch.nn.Linear))
    return {name: tuple(one.weight.shape) for name, one in linear}


def _check_memory(beside: Sequence[Used], within: Sequence[Used], transformer: Any) -> None:
    """Raises NotEnoughMemory, with numbers, where they do not fit beside the model. Of those beside the weights the
    largest is there twice while it is read. Those within take the machine's memory for the weights that they replace,
    and the device's for one matrix in eight forms at once, in 32 bit."""
    names = " and ".join(used.lora.name for used in (*beside, *within))
    size = transformer.dtype.itemsize
    numbers = sum(one.rank * (one.into + one.out) for used in beside for one in used.inside.patches)
    working = numbers * size + max((used.lora.bytes for used in beside), default=0)
    replaced = {one.module: one.out * one.into for used in within for one in used.inside.patches}
    working += 8 * 4 * max(replaced.values(), default=0)
    kept = size * sum(replaced.values())
    device = "cuda" if transformer.device.type == "cuda" else "cpu"
    shared = memory.room(device).whole == memory.room("cpu").whole
    memory.require(working + (kept if shared else 0), f"LoRA {names}", device)
    if not shared:
        memory.require(kept, f"LoRA {names}", "cpu")


def _matrices(used: Used, transformer: Any) -> "dict[str, tuple[Tensor, Tensor]]":
    """module -> down and up, in the model's own precision. What alpha adds is multiplied in, in 32 bit: PEFT would have
    to be told about each rank by a regular expression."""
    from safetensors.torch import load_file

    read = load_file(used.lora.path)
    found = {}
    for one in used.inside.patches:
        up = read[one.parts["up"]].float() * one.scale
        found[one.module] = (read[one.parts["down"]].to(transformer.dtype), up.to(transformer.dtype))
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
