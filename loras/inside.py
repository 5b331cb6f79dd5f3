"""What is inside a LoRA's file, and why one cannot be used.

A LoRA (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models") adds to a weight, (out, in), the product
strength * alpha / rank * up @ down of two small matrices; where it is rank-stabilised (Kalajdzievski 2023), the rank's
root takes the rank's place. ComfyUI and LyCORIS keep alpha beside each pair, PEFT in adapter_config.json, diffusers in
the header; where nobody says it, alpha is the rank, as it is everywhere else.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loras import names
from loras.alphas import Alphas
from loras.file import AGAIN, Tensor, check_kind, header, number, refusal

MAX_RANK = 1024
SIZES = {2048: "2B", 2560: "XL"}  # ACE-Step 1.5's transformers by their width
_READ = (".to_q", ".to_k", ".to_v", ".gate_proj", ".up_proj")  # modules that read what is as wide as the transformer
_WRITE = (".to_out.0", ".down_proj")  # and those that write it


@dataclass(frozen=True)
class Pair:
    """Two matrices of one module: `down`, (rank, into), and `up`, (out, rank), by their names in the file."""

    module: str
    down: str
    up: str
    rank: int
    into: int
    out: int
    scale: float  # alpha / rank, or alpha / sqrt(rank)


@dataclass(frozen=True)
class Inside:
    """What a file holds. `width` is that of the transformer it was made for, None where its modules do not tell;
    `alpha` is who says it, see `Alphas`."""

    dialect: str
    pairs: tuple[Pair, ...]
    width: int | None
    alpha: str

    @property
    def tensors(self) -> int:
        """How many matrices."""
        return 2 * len(self.pairs)

    def words(self) -> str:
        """For people: "PEFT, rank 64, made for 2B (2048), 384 tensors"."""
        ranks = sorted({pair.rank for pair in self.pairs})
        rank = f"rank {ranks[0]}" if len(ranks) == 1 else f"ranks {ranks[0]} to {ranks[-1]}"
        made = f", made for {size(self.width)}" if self.width else ""
        guessed = "; its alpha is said nowhere and taken as the rank" if self.alpha == "nobody" else ""
        return f"{self.dialect}, {rank}{made}, {self.tensors} tensors{guessed}"


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
    pairs = tuple(_pair(one, modules[one], tensors, path, alphas, called) for one in sorted(modules))
    dialect, _ = Counter(names.dialect(name) for name in tensors if not name.endswith(".alpha")).most_common(1)[0]
    return Inside(dialect, pairs, _width(pairs, called), alphas.source)


def _by_module(tensors: Mapping[str, Tensor], called: str) -> dict[str, dict[str, str]]:
    """module -> part -> name in the file. Raises BadRequest for a name that belongs to nothing here."""
    if kind := next(filter(None, map(names.family, tensors)), None):
        raise refusal(called, f"is {kind}, which the studio cannot play; it plays plain LoRAs")
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
    return f"holds {name[:80]}, which is no part of a LoRA for ACE-Step 1.5; choose another one"


def _pair(
    module: str, parts: Mapping[str, str], tensors: Mapping[str, Tensor], path: Path, alphas: Alphas, called: str
) -> Pair:
    if not {"down", "up"} <= parts.keys():
        raise refusal(called, f"is not whole: {next(iter(parts.values()))[:80]} has no counterpart; {AGAIN}")
    down, up = tensors[parts["down"]].shape, tensors[parts["up"]].shape
    if len(down) != 2 or len(up) != 2 or 0 in (*down, *up):
        raise refusal(called, f"changes {module} by {_by(up)} and {_by(down)}; only pairs of matrices can be played")
    if down[0] != up[1]:
        raise refusal(called, f"has two ranks for {module}, {down[0]} and {up[1]}; {AGAIN}")
    if down[0] > MAX_RANK:
        raise refusal(called, f"has rank {down[0]} for {module}; at most {MAX_RANK} can be played")
    own = number(path, tensors[parts["alpha"]], parts["alpha"], called) if "alpha" in parts else None
    return Pair(module, parts["down"], parts["up"], down[0], down[1], up[0], alphas.scale(module, down[0], own))


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"


def _width(pairs: tuple[Pair, ...], called: str) -> int | None:
    said = {pair.into for pair in pairs if pair.module.endswith(_READ)}
    said |= {pair.out for pair in pairs if pair.module.endswith(_WRITE)}
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
    for pair in found.pairs:
        here = shapes.get(pair.module)
        if here != (pair.out, pair.into):
            there = f"is {_by(here)} in the model" if here else "is no matrix of the model"
            said = f"{pair.module} {there} and {_by((pair.out, pair.into))} in the LoRA"
            raise refusal(called, f"does not fit what is loaded: {said}; choose another one")
