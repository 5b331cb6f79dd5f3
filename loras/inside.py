"""What is inside a LoRA's file, and why one cannot be used. LoKr, LoHa and DoRA are kinds of LoRA here, see `patch`.

ComfyUI and LyCORIS keep alpha beside each pair, PEFT in adapter_config.json, diffusers in the header; where nobody says
it, alpha is the rank, as it is everywhere else. Rank-stabilised LoRAs (Kalajdzievski 2023) divide it by the root of the
rank.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loras import names
from loras.alphas import CONFIG, KINDS, PLAYED, Alphas
from loras.file import AGAIN, Tensor, check_kind, header, refusal
from loras.patch import Patch, by, patch

SIZES = {2048: "2B", 2560: "XL"}  # ACE-Step 1.5's transformers by their width
_READ = (".to_q", ".to_k", ".to_v", ".gate_proj", ".up_proj")  # modules that read what is as wide as the transformer
_WRITE = (".to_out.0", ".down_proj")  # and those that write it


@dataclass(frozen=True)
class Inside:
    """What a file holds. `width` is that of the transformer it was made for, None where its modules do not tell;
    `alpha` is who says it, see `Alphas`."""

    dialect: str
    patches: tuple[Patch, ...]
    width: int | None
    alpha: str

    @property
    def tensors(self) -> int:
        """How many tensors, without alphas."""
        return sum(one.tensors for one in self.patches)

    @property
    def kind(self) -> str:
        """For people: "LoRA", "LoKr with DoRA", "LoKr and LoRA"."""
        return " and ".join(sorted({one.called for one in self.patches}))

    @property
    def plain(self) -> bool:
        """Whether it is a LoRA and nothing more, which can be played beside the weights."""
        return self.kind == "LoRA"

    def words(self) -> str:
        """For people: "PEFT, rank 64, made for 2B (2048), 384 tensors", "LyCORIS LoKr, rank 64, ..."."""
        ranks = sorted({one.rank for one in self.patches if one.rank})
        rank = f"rank {ranks[0]}" if len(ranks) == 1 else f"ranks {ranks[0]} to {ranks[-1]}" if ranks else "whole"
        kind = self.dialect if self.plain else f"{self.dialect} {self.kind}"
        made = f", made for {size(self.width)}" if self.width else ""
        guessed = "; its alpha is said nowhere and taken as the rank" if self.alpha == "nobody" else ""
        return f"{kind}, {rank}{made}, {self.tensors} tensors{guessed}"


def size(width: int) -> str:
    """A transformer's width as people know it: "XL (2560)"."""
    return f"{SIZES.get(width, 'another size')} ({width})"


def inside(path: Path, called: str, config: Mapping[str, Any] | None = None) -> Inside:
    """What a file holds, from its header. Fast. `called` is its name in messages, `config` its adapter_config.json.

    Raises BadRequest with its reason for what is no LoRA for ACE-Step 1.5, or not a whole one.
    """
    check_kind(path, called)
    tensors, said = header(path, called)
    alphas = Alphas(config, said, called)
    modules = _by_module(tensors, called)
    patches = tuple(patch(one, modules[one], tensors, path, alphas, called) for one in sorted(modules))
    _check_config(config or {}, patches, called)
    dialect, _ = Counter(names.dialect(name) for name in tensors if not name.endswith(".alpha")).most_common(1)[0]
    return Inside(dialect, patches, _width(patches, called), alphas.source)


def _by_module(tensors: Mapping[str, Tensor], called: str) -> dict[str, dict[str, str]]:
    """module -> part -> name in the file. Raises BadRequest for a name that belongs to nothing here."""
    if kind := next(filter(None, map(names.family, tensors)), None):
        raise refusal(called, f"is {kind}, which the studio cannot play; {PLAYED}")
    found: dict[str, dict[str, str]] = {}
    for name in tensors:
        known = names.read(name)
        if known is None:
            raise refusal(called, _stranger(name))
        parts = found.setdefault(known.module, {})
        if known.part in parts:
            raise refusal(called, f"holds {known.module} twice: {parts[known.part][:80]}, {name[:80]}; {AGAIN}")
        parts[known.part] = name
    return found


def _stranger(name: str) -> str:
    if model := names.elsewhere(name):
        return f"is made for {model}, not for ACE-Step 1.5: it holds {name[:80]}; choose another one"
    if names.convolution(name):
        return f"changes a convolution by {name[:80]}; only what changes matrices can be played, choose another one"
    return f"holds {name[:80]}, which is no part of a LoRA for ACE-Step 1.5; choose another one"


def _check_config(config: Mapping[str, Any], patches: tuple[Patch, ...], called: str) -> None:
    """Raises BadRequest where a config describes another file."""
    described = KINDS.get(config.get("peft_type", ""))
    for one in patches:
        if described and one.kind != described:
            raise refusal(called, f"is a {one.kind}, and its {CONFIG} describes a {described}; give the one beside it")
        if config.get("use_dora") is True and not one.dora:
            why = f"its {CONFIG} describes a DoRA, and there is no lora_magnitude_vector for {one.module}"
            raise refusal(called, f"is not whole: {why}; {AGAIN}")


def _width(patches: tuple[Patch, ...], called: str) -> int | None:
    said = {one.into for one in patches if one.module.endswith(_READ)}
    said |= {one.out for one in patches if one.module.endswith(_WRITE)}
    if len(said) > 1:
        raise refusal(called, f"is made for several widths at once, {', '.join(map(str, sorted(said)))}; {AGAIN}")
    return next(iter(said), None)


def check_width(found: Inside, called: str, width: int) -> None:
    """Raises BadRequest where a LoRA was made for a transformer of another width."""
    if found.width is not None and found.width != width:
        made = f"is made for {size(found.width)}, loaded is {size(width)}"
        raise refusal(called, f"{made}; choose a checkpoint of its size, or another LoRA")


def check_fit(found: Inside, called: str, shapes: Mapping[str, tuple[int, ...]], width: int) -> None:
    """Raises BadRequest where a LoRA was made for another model. `shapes` are those of its matrices, (out, in)."""
    check_width(found, called, width)
    for one in found.patches:
        here = shapes.get(one.module)
        if here != (one.out, one.into):
            there = f"is {by(here)} in the model" if here else "is no matrix of the model"
            said = f"{one.module} {there} and {by((one.out, one.into))} in the {one.kind}"
            raise refusal(called, f"does not fit what is loaded: {said}; choose another one")
