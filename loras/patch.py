"""What an adapter does to one matrix of the model. W is that matrix, (out, in); the factors make Δ of its size:

    LoRA    Δ = scale * up @ down                              Hu et al. 2021, "LoRA: Low-Rank Adaptation ..."
    LoHa    Δ = scale * (w1_a @ w1_b) * (w2_a @ w2_b)          number by number; Hyeon-Woo et al. 2022, "FedPara"
    LoKr    Δ = scale * kron(w1, w2)                           each whole or a product, w1_a @ w1_b; Yeh et al. 2024,
                                                               "Navigating Text-To-Image Customization: ... LyCORIS ..."
    DoRA    any of them, after which every row of W + Δ is as long as is said: Liu et al. 2024, "DoRA:
            Weight-Decomposed Low-Rank Adaptation"; LyCORIS also knows it by column

A strength s makes s * Δ of Δ. A DoRA of PEFT's gives its lengths to the rows of W + s * Δ; one of LyCORIS' (dora_scale)
takes Δ whole and goes s of the way from the length that a row has to the one that is said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loras.alphas import Alphas
from loras.file import AGAIN, Tensor, number, refusal

if TYPE_CHECKING:
    import torch

MAX_RANK = 1024
PRODUCTS = {  # the factors of each kind; a LoKr may have its factors whole, as "lokr_w1" and "lokr_w2"
    "LoRA": (("up", "down"),),
    "LoHa": (("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b")),
    "LoKr": (("lokr_w1_a", "lokr_w1_b"), ("lokr_w2_a", "lokr_w2_b")),
}
LENGTHS = ("dora_scale", "magnitude")  # a DoRA's, as LyCORIS has them and as PEFT has them
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Patch:
    """What is done to the matrix of `module`, (out, into). `parts` are names in the file; `rank` is 0 where both
    factors of a LoKr are whole; `scale` is alpha / rank, or alpha / sqrt(rank)."""

    module: str
    kind: str  # a key of PRODUCTS
    parts: Mapping[str, str]
    rank: int
    into: int
    out: int
    scale: float

    @property
    def tensors(self) -> int:
        """How many tensors hold it, the alpha left out."""
        return len(self.parts) - ("alpha" in self.parts)

    @property
    def dora(self) -> bool:
        return any(part in self.parts for part in LENGTHS)

    @property
    def called(self) -> str:
        """Its kind for people."""
        if not self.dora:
            return self.kind
        return "DoRA" if self.kind == "LoRA" else f"{self.kind} with DoRA"

    def change(self, read: "Callable[[str], torch.Tensor]", weight: "torch.Tensor", strength: float) -> "torch.Tensor":
        """What is added to `weight`, (out, into), at a strength; `read` gives the tensors of the file. In float32,
        where the weight is."""
        import torch

        held = {part: read(name).to(weight.device, torch.float32) for part, name in self.parts.items()}
        delta, before = self._delta(held), weight.float()
        if "magnitude" in held:
            changed = before + strength * delta
            lengths = held["magnitude"].reshape(-1, 1)
            return changed * (lengths / changed.norm(dim=1, keepdim=True).clamp_min(1e-30)) - before
        if "dora_scale" in held:
            changed, lengths = before + delta, held["dora_scale"]
            by_column = lengths.shape[0] == 1 and lengths.dim() == 2
            lengths = lengths if by_column else lengths.reshape(-1, 1)
            found = changed.norm(dim=0 if by_column else 1, keepdim=True) + torch.finfo(torch.float32).eps
            return changed * (strength * (lengths / found - 1) + 1) - before
        return strength * delta

    def _delta(self, held: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        import torch

        first, *second = (
            held[a] @ held[b] if a in held else held[a.removesuffix("_a")] for a, b in PRODUCTS[self.kind]
        )
        if self.kind == "LoKr":
            first = torch.kron(first, second[0])
        elif self.kind == "LoHa":
            first = first * second[0]
        return first * self.scale


def patch(
    module: str, parts: Mapping[str, str], tensors: Mapping[str, Tensor], path: Path, alphas: Alphas, called: str
) -> Patch:
    """What a file does to a module; `parts` are names in it. Raises BadRequest where that is not whole or no matrix."""
    shapes = {part: tensors[name].shape for part, name in parts.items()}
    kind = _kind(module, parts, called)
    factors = [_factor(pair, kind, module, parts, shapes, called) for pair in PRODUCTS[kind]]
    out, into = factors[0][0]
    if kind == "LoKr":
        out, into = out * factors[1][0][0], into * factors[1][0][1]
    elif len({size for size, _ in factors}) > 1:
        raise refusal(called, f"is made for two sizes of {module}, {' and '.join(by(size) for size, _ in factors)}")
    ranks = sorted({rank for _, rank in factors if rank})
    if len(ranks) > 1:
        raise refusal(called, f"has two ranks for {module}, {ranks[0]} and {ranks[1]}; {AGAIN}")
    rank = ranks[0] if ranks else 0
    if rank > MAX_RANK:
        raise refusal(called, f"has rank {rank} for {module}; at most {MAX_RANK} can be played")
    _check_lengths(module, parts, shapes, (out, into), called)
    if rank:
        own = number(path, tensors[parts["alpha"]], parts["alpha"], called) if "alpha" in parts else None
        scale = alphas.scale(module, rank, own)
    else:
        scale = alphas.whole(module)
    return Patch(module, kind, parts, rank, into, out, scale)


def by(shape: Shape) -> str:
    """A shape for people: "4 x 32"."""
    return " x ".join(map(str, shape)) or "a number"


def _kind(module: str, parts: Mapping[str, str], called: str) -> str:
    kinds = {
        "LoKr" if part.startswith("lokr_") else "LoHa" if part.startswith("hada_") else "LoRA"
        for part in parts
        if part not in ("alpha", *LENGTHS)
    }
    if len(kinds) > 1:
        raise refusal(called, f"is {' and '.join(sorted(kinds))} at once for {module}; {AGAIN}")
    return next(iter(kinds), "LoRA")


def _factor(
    pair: tuple[str, str],
    kind: str,
    module: str,
    parts: Mapping[str, str],
    shapes: Mapping[str, Shape],
    called: str,
) -> tuple[Shape, int]:
    """The size of a factor, and its rank; 0 for one that is whole."""
    one = pair[0].removesuffix("_a")
    there = [part for part in pair if part in parts]
    if kind == "LoKr" and one in parts and not there:
        return _matrix(module, (shapes[one],), called)[0], 0
    if one in parts and there and kind == "LoKr":
        raise refusal(called, f"holds {one} of {module} both whole and as a product; {AGAIN}")
    if len(there) < 2:
        raise refusal(called, f"is not whole: {next(iter(parts.values()))[:80]} has no counterpart; {AGAIN}")
    left, right = _matrix(module, (shapes[pair[0]], shapes[pair[1]]), called)
    if left[1] != right[0]:
        raise refusal(called, f"has two ranks for {module}, {right[0]} and {left[1]}; {AGAIN}")
    return (left[0], right[1]), right[0]


def _matrix(module: str, shapes: tuple[Shape, ...], called: str) -> tuple[Shape, ...]:
    if any(len(shape) != 2 or 0 in shape for shape in shapes):
        said = " and ".join(by(shape) for shape in shapes)
        raise refusal(called, f"changes {module} by {said}; only pairs of matrices can be played")
    return shapes


def _check_lengths(
    module: str, parts: Mapping[str, str], shapes: Mapping[str, Shape], size: tuple[int, int], called: str
) -> None:
    """Raises BadRequest for lengths of rows or columns that are not as many as those of the matrix."""
    said = [part for part in LENGTHS if part in parts]
    if len(said) > 1:
        raise refusal(called, f"says the lengths of {module}'s rows twice; {AGAIN}")
    out, into = size
    fitting = {"dora_scale": ((out,), (out, 1), (1, into)), "magnitude": ((out,), (out, 1))}
    for part in said:
        if shapes[part] not in fitting[part]:
            raise refusal(called, f"has {by(shapes[part])} lengths for {module}, which is {by(size)}; {AGAIN}")
