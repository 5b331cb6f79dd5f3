"""One step of MusicGen's decoder: a position of every row in, the scores of all codebooks out.

Knows nothing of words, sound or chance. Rows come with the conditioned ones first; those of classifier-free guidance
follow. Numbers are float32 arrays, so that the step may be torch's, compiled, or on another device.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class Step(Protocol):
    """What the decode loop asks of a step."""

    def begin(
        self, rows: int, conditioned: int, positions: int, context: np.ndarray | None, lengths: Sequence[int]
    ) -> None:
        """Make room for `rows` of `positions`. The first `conditioned` rows look at `context`, float32 (conditioned,
        longest, width), of which `lengths` are real; None where the decoder has no cross-attention."""

    def fill(self, layer: int, keys: np.ndarray, values: np.ndarray, at: int) -> None:
        """Put keys and values that are known already, (rows, heads, some, width / heads), at position `at` and on."""

    def __call__(self, embedded: np.ndarray, position: int) -> np.ndarray:
        """`embedded`, (rows, width), is what enters at `position`; the scores, (rows, outputs)."""

    def rest(self) -> None:
        """Give back all but the weights; `begin` makes it ready again."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer's matrix products, those of one input merged, and its norms (weight, bias). No cross-attention: None."""

    merged: "Callable[[Tensor], Tensor]"  # queries, keys and values of self-attention
    out: "Callable[[Tensor], Tensor]"
    widen: "Callable[[Tensor], Tensor]"
    narrow: "Callable[[Tensor], Tensor]"
    norm: "tuple[Tensor, Tensor]"
    last_norm: "tuple[Tensor, Tensor]"
    cross_query: "Callable[[Tensor], Tensor] | None" = None
    cross_out: "Callable[[Tensor], Tensor] | None" = None
    cross_weights: "tuple[Tensor, ...]" = ()  # of its keys and values
    cross_norm: "tuple[Tensor, Tensor] | None" = None


class TorchStep:
    """The step in plain torch. Sums between layers are float32 whatever the precision, so bf16 loses little.

    On a CUDA device all shapes stay the same and the whole step is replayed as one CUDA graph.
    `still` asks for those shapes without a graph.
    """

    def __init__(self, decoder: Any, precision: str, still: bool = False):
        """`decoder` is transformers' MusicgenForCausalLM or MusicgenMelodyForCausalLM, in the dtype to compute in."""
        import torch

        core = decoder.model.decoder
        self.dtype = core.embed_tokens[0].weight.dtype
        self.device = core.embed_tokens[0].weight.device
        self.heads = decoder.config.num_attention_heads
        self.width = decoder.config.hidden_size
        self.still = still or self.device.type == "cuda"
        with torch.no_grad():
            self.layers = [_layer(one, precision) for one in core.layers]
            self.head = _product(torch.cat([one.weight for one in decoder.lm_heads]), precision)
            self.norm = _norm(core.layer_norm)
        self._graph: Any = None

    def begin(
        self, rows: int, conditioned: int, positions: int, context: np.ndarray | None, lengths: Sequence[int]
    ) -> None:
        import torch

        self.rows, self.conditioned, self.positions = rows, conditioned, positions
        shape = (len(self.layers), 2, rows, self.heads, positions, self.width // self.heads)
        self.cache = torch.zeros(shape, dtype=self.dtype, device=self.device)
        self.places = torch.arange(positions, device=self.device)
        self.at = torch.zeros(1, dtype=torch.long, device=self.device)
        self._graph = None
        if context is not None:
            self._look_at(torch.from_numpy(context).to(self.device, self.dtype), torch.tensor(lengths))

    def _look_at(self, context: "Tensor", lengths: "Tensor") -> None:
        """Keys and values of cross-attention, once for all steps. The rows without a condition have none: their context
        is zero and the products have no bias, so what they would add is zero."""
        import torch

        with torch.no_grad():
            self.crossed = [
                tuple(self._split(torch.nn.functional.linear(context, weight)) for weight in one.cross_weights)
                for one in self.layers
            ]
        real = torch.arange(context.shape[1])[None] < lengths[:, None]
        self.cross_mask = None if bool(real.all()) else real[:, None, None].to(self.device)

    def _split(self, states: "Tensor") -> "Tensor":
        """(rows, some, width) by head: (rows, heads, some, width / heads)."""
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def fill(self, layer: int, keys: np.ndarray, values: np.ndarray, at: int) -> None:
        import torch

        for place, known in enumerate((keys, values)):
            self.cache[layer, place, :, :, at : at + known.shape[2]] = torch.from_numpy(known).to(self.cache)

    def __call__(self, embedded: np.ndarray, position: int) -> np.ndarray:
        import torch

        with torch.inference_mode():
            entering = torch.from_numpy(embedded).to(self.device)
            self.at.fill_(position)
            if self.device.type == "cuda":
                return self._replayed(entering)
            return self._through(entering, self.positions if self.still else position + 1).numpy()

    def _replayed(self, entering: "Tensor") -> np.ndarray:
        """The step as a CUDA graph, captured when it is first taken."""
        import torch

        if self._graph is None:
            self._entering = entering.clone()
            beside = torch.cuda.Stream()
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):  # libraries choose their kernels before anything is captured
                self._through(self._entering, self.positions)
            torch.cuda.current_stream().wait_stream(beside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._scores = self._through(self._entering, self.positions)
        self._entering.copy_(entering)
        self._graph.replay()
        return self._scores.cpu().numpy()

    def _through(self, hidden: "Tensor", seen: int) -> "Tensor":
        """All layers for one position of every row, looking back over `seen` positions, of which those after the
        current one are masked."""
        from torch.nn import functional

        mask = (self.places <= self.at)[None, None, None] if self.still else None
        for place, layer in enumerate(self.layers):
            hidden = hidden + self._attended(layer, self.cache[place], hidden, seen, mask)
            if layer.cross_query is not None:
                hidden = self._crossed(layer, place, hidden)
            hidden = hidden + layer.narrow(functional.gelu(layer.widen(self._normed(hidden, layer.last_norm)))).float()
        return self.head(self._normed(hidden, self.norm)).float()

    def _normed(self, hidden: "Tensor", norm: "tuple[Tensor, Tensor]") -> "Tensor":
        from torch.nn import functional

        return functional.layer_norm(hidden, (self.width,), *norm).to(self.dtype)

    def _attended(self, layer: _Layer, cache: "Tensor", hidden: "Tensor", seen: int, mask: "Tensor | None") -> "Tensor":
        three = layer.merged(self._normed(hidden, layer.norm)).view(self.rows, 3, self.heads, 1, -1)
        cache.index_copy_(3, self.at, three[:, 1:].transpose(0, 1))
        found = self._looked(three[:, 0], cache[0, :, :, :seen], cache[1, :, :, :seen], mask)
        return layer.out(found.reshape(self.rows, self.width)).float()

    def _looked(self, query: "Tensor", keys: "Tensor", values: "Tensor", mask: "Tensor | None") -> "Tensor":
        """Attention of one position, (rows, heads, 1, width / heads)."""
        from torch.nn import functional

        if self.device.type == "cuda":
            return functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        # For a single query torch's fused attention reads bf16 at a quarter of the speed of this.
        scores = query.float() @ keys.float().transpose(-1, -2) / query.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        return (scores.softmax(-1) @ values.float()).to(self.dtype)

    def _crossed(self, layer: _Layer, place: int, hidden: "Tensor") -> "Tensor":
        import torch

        assert layer.cross_query and layer.cross_out and layer.cross_norm
        looking, others = hidden[: self.conditioned], hidden[self.conditioned :]
        query = layer.cross_query(self._normed(looking, layer.cross_norm)).view(self.conditioned, self.heads, 1, -1)
        keys, values = self.crossed[place]
        found = self._looked(query, keys, values, self.cross_mask)
        looking = looking + layer.cross_out(found.reshape(self.conditioned, self.width)).float()
        return torch.cat([looking, others])

    def rest(self) -> None:
        self._graph = None
        self.cache, self.crossed = self.cache[:0], []


def _layer(one: Any, precision: str) -> _Layer:
    import torch

    mine, other = one.self_attn, getattr(one, "encoder_attn", None)
    merged = torch.cat([mine.q_proj.weight, mine.k_proj.weight, mine.v_proj.weight])
    crossing: dict[str, Any] = {}
    if other is not None:
        crossing = {
            "cross_query": _product(other.q_proj.weight, precision),
            "cross_out": _product(other.out_proj.weight, precision),
            "cross_weights": (other.k_proj.weight.detach(), other.v_proj.weight.detach()),
            "cross_norm": _norm(one.encoder_attn_layer_norm),
        }
    return _Layer(
        merged=_product(merged, precision),
        out=_product(mine.out_proj.weight, precision),
        widen=_product(one.fc1.weight, precision),
        narrow=_product(one.fc2.weight, precision),
        norm=_norm(one.self_attn_layer_norm),
        last_norm=_norm(one.final_layer_norm),
        **crossing,
    )


def _norm(norm: Any) -> "tuple[Tensor, Tensor]":
    return norm.weight.detach().float(), norm.bias.detach().float()


def _product(weight: "Tensor", precision: str) -> "Callable[[Tensor], Tensor]":
    """x -> x @ weight.T, with the weight as the processor reads it fastest."""
    import torch

    weight = weight.detach()
    if precision == "int8":
        scale = weight.float().abs().amax(1).clamp(min=1e-8) / 127  # for each output
        whole = (weight.float() / scale[:, None]).round().to(torch.int8)
        scale = scale.to(weight.dtype)
        return lambda states: torch._weight_int8pack_mm(states.contiguous(), whole, scale)
    if precision == "bf16" and _packs(weight):
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, 2)  # for two rows: guidance
        return lambda states: torch.ops.mkldnn._linear_pointwise(states, packed, None, "none", [], "")
    return lambda states: torch.nn.functional.linear(states, weight)


def _packs(weight: "Tensor") -> bool:
    """True where oneDNN has packed bf16 products: a plain one reads such a thin batch at a third of the speed."""
    import torch

    return weight.device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
