"""A planner in memory: texts in, scores of what may come next out. Weights and tokenizer are read by transformers.

Every text is read once; keys and values are kept, so that a token costs one position. Songs are rows of a batch; where
guidance is asked for, those without what was asked follow as more rows, fed the same tokens. Tokens are drawn where the
model is: scores never leave its device.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import checkpoints
import memory
from checkpoints.reading import complaining, language_model
from checkpoints.whole import read_object
from engines.acestep.planner.letters import Letters
from engines.acestep.planner.step import Step
from song.errors import BadRequest

if TYPE_CHECKING:
    from torch import Tensor

WHAT = "The planner"
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class Chance:
    """How a token is drawn from its scores, as published: the likeliest `top_k` (0 leaves out nothing), of those the
    likeliest that make up `top_p` together, and of those one by its share at `temperature`, 0 for the likeliest.
    `guidance` is how far the scores are pushed from those without what was asked (Ho and Salimans 2022); 1: not."""

    temperature: float = 0.85
    top_k: int = 0
    top_p: float = 0.9
    guidance: float = 2.0

    @property
    def guided(self) -> bool:
        return self.guidance > 1


class Model:
    """One planner, loaded. Raises CannotMake where its files cannot be used."""

    def __init__(self, folder: Path, device: str = "cpu", precision: str = "fp32"):
        """`device` is torch's name for it; `precision` is fp32 or bf16."""
        self.device = device
        with complaining(WHAT, folder.name):
            self.net, self.tokenizer = language_model(folder, device, precision, "Qwen3ForCausalLM")
            self.letters = Letters(self.tokenizer)
            self.head = self.net.get_output_embeddings().weight  # (tokens, width)
            codes = self.letters.codes
            if codes[-1] >= len(self.head) or (codes[1:] - codes[:-1] != 1).any():
                raise ValueError("a row for every code, one after the other")
            self.code_head = self.head[int(codes[0]) : int(codes[-1]) + 1]
            Step(self.net.model)
        self._allowed: dict[tuple[bytes, tuple[bytes, ...]], tuple[np.ndarray, Tensor]] = {}

    def tokens(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def begin(self, texts: Sequence[str], without: Sequence[str] = (), guidance: float = 1.0, more: int = 0) -> "Rows":
        """Read a text for every song, and where guidance is above 1 those `without` what was asked, that it leads away
        from. `more` tokens will follow; 0 where nobody knows how many."""
        return Rows(self, (*texts, *without) if guidance > 1 else texts, len(texts), guidance, more)

    def allowed(self, said: bytes, choices: tuple[bytes, ...]) -> "tuple[np.ndarray, Tensor]":
        """Tokens that lead from what was said to one of the choices: their numbers, and their rows of the head."""
        import torch

        if (said, choices) not in self._allowed:
            tokens = self.letters.following(said, choices)
            self._allowed[said, choices] = tokens, torch.from_numpy(tokens).to(self.device)
        tokens, places = self._allowed[said, choices]
        return tokens, self.head[places]


class Rows:
    """Texts of songs that grow token by token, each by its own; those that guidance leads away from by the same."""

    def __init__(self, model: Model, texts: Sequence[str], songs: int, guidance: float, more: int):
        import torch

        self._model, self._songs, self._guidance = model, songs, guidance
        read = [model.tokens(text) for text in texts]
        longest = max(map(len, read))
        self._twice = len(read) // songs
        self._waiting = torch.tensor(
            [[tokens[0]] * (longest - len(tokens)) + tokens for tokens in read], device=model.device
        )  # (rows, tokens): fed, but not read yet
        lengths = torch.tensor([[len(tokens)] for tokens in read], device=model.device)
        real = torch.arange(longest, device=model.device) >= longest - lengths
        self._real: Tensor | None = real if min(map(len, read)) < longest else None
        self._step = Step(model.net.model)
        self._step.begin(len(read), longest + more, graphed=more > 0)

    def feed(self, tokens: "Sequence[int] | Tensor") -> None:
        """Go on with these: a list is for every song, a tensor, (songs, some), has those of each."""
        import torch

        fed = torch.as_tensor(tokens, device=self._model.device, dtype=torch.long)
        fed = fed.expand(self._songs, -1).repeat(self._twice, 1)
        if not self._waiting.shape[1]:
            self._waiting = fed
            return
        self._waiting = torch.cat([self._waiting, fed], dim=1)
        if self._real is not None:
            self._real = torch.cat([self._real, torch.ones_like(fed, dtype=torch.bool)], dim=1)

    def scores(self, head: "Tensor") -> "Tensor":
        """float32 (songs, tokens): how likely each row of `head`, (tokens, width), comes next in each song."""
        import torch

        with torch.inference_mode():
            found = torch.nn.functional.linear(self._step(self._waiting, self._real), head).float()
            self._waiting, self._real = self._waiting[:, :0], None
            if self._twice == 1:
                return found
            asked, without = found.chunk(2)
            return without + (asked - without) * self._guidance


def drawn(scores: "Tensor", chance: Chance, luck: "Tensor") -> "Tensor":
    """A place in each row of `scores`, (songs, n), as int64 (songs,); `luck`, float64 (songs,), is 0-1. All stays on
    the device of the scores."""
    if chance.temperature == 0:
        return scores.argmax(dim=-1)
    ordered, places = scores.sort(dim=-1, descending=True, stable=True)
    most = min(chance.top_k or ordered.shape[1], ordered.shape[1])
    ordered = ordered[:, :most]
    heat = ((ordered - ordered[:, :1]).double() / chance.temperature).exp().cumsum(dim=-1)
    last = heat.new_full((len(scores), 1), most - 1).long()
    if 0 < chance.top_p < 1:
        shares = ordered.double().softmax(dim=-1).cumsum(dim=-1)
        last = (shares < chance.top_p).sum(dim=-1, keepdim=True).clamp(max=most - 1)  # the one that reaches it, too
    found = (heat <= luck[:, None] * heat.gather(1, last)).sum(dim=-1, keepdim=True)
    return places.gather(1, found.minimum(last))[:, 0]


# --- files and memory -------------------------------------------------------------------------------------------------


def require(folder: Path, device: str, precision: str, positions: int, loaded: bool, songs: int = 1) -> None:
    """Raises NotEnoughMemory, with numbers, where `songs` of so many `positions` cannot be planned side by side,
    BadRequest for a precision that there is not, BadCheckpoint."""
    if precision not in PRECISIONS:
        raise BadRequest("precision", f"the planner computes in {' or '.join(PRECISIONS)}; choose one of them")
    with complaining(WHAT, folder.name):
        sizes = {one: needed(folder, one, positions, songs) for one in PRECISIONS}
    if loaded:
        return memory.require(replace(sizes[precision], weights=0, working=0), folder.name, device)
    whole = sizes[precision].total
    smaller = {f"{one} precision": size.total for one, size in sizes.items() if size.total < whole}
    memory.require(sizes[precision], folder.name, device, smaller)


def needed(folder: Path, precision: str, positions: int, songs: int = 1) -> memory.Need:
    """What a planner takes for `songs` of so many `positions`, counted from its own files. Raises BadCheckpoint."""
    config = read_object(folder / "config.json")
    return memory.reader(
        config, checkpoints.parameters(folder), precision, positions, texts=2 * songs
    )  # guidance reads two
