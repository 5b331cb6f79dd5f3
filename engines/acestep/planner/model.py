"""A planner in memory: texts in, scores of what may come next out. Weights and tokenizer are read by transformers.

Every text is read once; keys and values are kept, so that a token costs one position. Where guidance is asked for, the
text and the one without what was asked run side by side as two rows of a batch and are fed the same tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import checkpoints
import memory
from checkpoints.reading import complaining, language_model
from checkpoints.whole import read_object
from engines.acestep.planner.letters import Letters
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

    def tokens(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def begin(self, texts: Sequence[str], guidance: float) -> "Rows":
        """Read a text, and beside it the one that guidance leads away from."""
        return Rows(self, texts if guidance > 1 else texts[:1], guidance)


class Rows:
    """Texts that grow by the same tokens."""

    def __init__(self, model: Model, texts: Sequence[str], guidance: float):
        import torch

        self._model, self._guidance = model, guidance
        read = [model.tokens(text) for text in texts]
        self._lengths = [len(tokens) for tokens in read]
        longest = max(self._lengths)
        rows = [[tokens[0]] * (longest - len(tokens)) + tokens for tokens in read]
        self._waiting = torch.tensor(rows, device=model.device)  # (rows, tokens): fed, but not read yet
        self._seen = torch.tensor(
            [[0] * (longest - length) + [1] * length for length in self._lengths], device=model.device
        )
        self._cache: Any = None

    def feed(self, tokens: Sequence[int]) -> None:
        """Go on with these tokens."""
        import torch

        more = torch.tensor([list(tokens)] * len(self._lengths), device=self._model.device, dtype=torch.long)
        self._waiting = torch.cat([self._waiting, more], dim=1)
        self._seen = torch.cat([self._seen, torch.ones_like(more)], dim=1)

    def scores(self, head: "Tensor") -> "Tensor":
        """float32 (tokens,): how likely each row of `head`, (tokens, width), comes next."""
        import torch

        with torch.inference_mode():
            places = (self._seen.cumsum(dim=1) - 1).clamp(min=0)[:, -self._waiting.shape[1] :]
            read = self._model.net.model(
                input_ids=self._waiting,
                attention_mask=self._seen,
                position_ids=places,
                past_key_values=self._cache,
                use_cache=True,
            )
            self._cache, self._waiting = read.past_key_values, self._waiting[:, :0]
            found = torch.nn.functional.linear(read.last_hidden_state[:, -1], head).float()
            if len(found) == 1:
                return found[0]
            return found[1] + (found[0] - found[1]) * self._guidance


def drawn(scores: "Tensor", chance: Chance, luck: float) -> int:
    """A place in `scores`, (n,); `luck` is 0-1."""
    if chance.temperature == 0:
        return int(scores.argmax())
    ordered, places = scores.sort(descending=True, stable=True)
    kept = min(chance.top_k, len(ordered)) if chance.top_k else len(ordered)
    if 0 < chance.top_p < 1:
        shares = ordered[:kept].double().softmax(dim=0).cumsum(dim=0)
        kept = min(kept, int((shares < chance.top_p).sum()) + 1)  # the one that reaches it, too
    heat = ((ordered[:kept] - ordered[0]).double() / chance.temperature).exp().cumsum(dim=0)
    return int(places[min(kept - 1, int((heat <= luck * heat[-1]).sum()))])


# --- files and memory -------------------------------------------------------------------------------------------------


def require(folder: Path, device: str, precision: str, positions: int, loaded: bool) -> None:
    """Raises NotEnoughMemory, with numbers, where a song of so many `positions` cannot be planned, BadRequest for a
    precision that there is not, BadCheckpoint."""
    if precision not in PRECISIONS:
        raise BadRequest("precision", f"the planner computes in {' or '.join(PRECISIONS)}; choose one of them")
    with complaining(WHAT, folder.name):
        sizes = {one: needed(folder, one, positions) for one in PRECISIONS}
    if loaded:
        return memory.require(replace(sizes[precision], weights=0, working=0), folder.name, device)
    whole = sizes[precision].total
    smaller = {f"{one} precision": size.total for one, size in sizes.items() if size.total < whole}
    memory.require(sizes[precision], folder.name, device, smaller)


def needed(folder: Path, precision: str, positions: int) -> memory.Need:
    """What a planner takes for texts of so many `positions`, counted from its own files. Raises BadCheckpoint."""
    config = read_object(folder / "config.json")
    return memory.reader(config, checkpoints.parameters(folder), precision, positions, texts=2)  # guidance reads two
