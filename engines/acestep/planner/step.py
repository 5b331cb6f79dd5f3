"""One step of a Qwen3 language model with a cache of fixed size: tokens of every row in, what comes after the last out.

Layers, norms and rotary places are transformers' own; only attention and its cache are ours. Keys and values have their
place before anything is read, so a token costs one position and no copy of those before it. On a CUDA device single
tokens are replayed as one graph where that is asked for, over as many slots as a power of two needs. Knows nothing of
words, chance or guidance.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_FEWEST = 256  # slots that a graph looks back over


class Step:
    """Rows of tokens that grow slot by slot. Raises ValueError for a model whose layers do not all see everything."""

    def __init__(self, net: Any):
        """`net` is transformers' Qwen3Model."""
        kinds = set(getattr(net.config, "layer_types", None) or ("full_attention",))
        if kinds != {"full_attention"}:
            raise ValueError("layers that see all that came before")
        self.net = net
        first = net.layers[0].self_attn
        self.width = first.head_dim
        self.keys = first.k_proj.out_features // self.width  # heads of keys and values
        self.groups = first.q_proj.out_features // self.width // self.keys  # heads of queries that share one of those

    def begin(self, rows: int, slots: int, graphed: bool = False) -> None:
        """Make room for `rows` of `slots`, which grows where it must. `graphed` is for many single tokens."""
        import torch

        weight = self.net.embed_tokens.weight
        self.device, self.at, self.padded = weight.device, 0, False
        self.graphed = graphed and self.device.type == "cuda"
        shape = (len(self.net.layers), 2, rows, self.keys, _rounded(slots), self.width)
        self.cache = torch.zeros(shape, dtype=weight.dtype, device=self.device)
        self.real = torch.zeros((rows, shape[4]), dtype=torch.bool, device=self.device)  # whether a slot holds a token
        self.read = torch.zeros((rows, 1), dtype=torch.long, device=self.device)  # tokens that a row has
        self._graphs: dict[int, Any] = {}

    def __call__(self, tokens: "Tensor", real: "Tensor | None" = None) -> "Tensor":
        """`tokens`, (rows, some), go into the next slots; `real`, of the same shape, is false for padding, which no
        token ever sees. What the model makes of the last token, (rows, width)."""
        import torch

        count = tokens.shape[1]
        if self.at + count > self.real.shape[1]:
            self._grow(self.at + count)
        with torch.inference_mode():
            if real is None and count == 1 and self.graphed:
                found = self._replayed(tokens)
            else:
                self.padded = self.padded or real is not None
                slots = torch.arange(self.at, self.at + count, device=self.device)
                found = self._through(tokens, slots, real, self.at + count)
        self.at += count
        return found

    def _grow(self, slots: int) -> None:
        import torch

        more = max(_rounded(slots), 2 * self.real.shape[1]) - self.real.shape[1]
        with torch.inference_mode():
            self.cache = torch.nn.functional.pad(self.cache, (0, 0, 0, more))
            self.real = torch.nn.functional.pad(self.real, (0, more))
        self._graphs = {}

    def _replayed(self, tokens: "Tensor") -> "Tensor":
        """A single token of every row as a CUDA graph, captured when so many slots are first looked back over."""
        import torch

        seen = min(self.real.shape[1], max(_FEWEST, 1 << self.at.bit_length()))
        if seen not in self._graphs:
            entering = tokens.clone()
            slots = torch.full((1,), self.at, dtype=torch.long, device=self.device)
            beside = torch.cuda.Stream()
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):  # libraries choose their kernels before anything is captured
                self._through(entering, slots, None, seen)
            torch.cuda.current_stream().wait_stream(beside)
            self.read -= 1  # that was for practice
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                found = self._through(entering, slots, None, seen)
            self._graphs[seen] = (graph, entering, slots, found)
        graph, entering, slots, found = self._graphs[seen]
        entering.copy_(tokens)
        slots.fill_(self.at)
        graph.replay()
        return found

    def _through(self, tokens: "Tensor", slots: "Tensor", real: "Tensor | None", seen: int) -> "Tensor":
        """All layers for `tokens` in `slots`, looking back over the first `seen` slots."""
        net, count = self.net, tokens.shape[1]
        self.real.index_fill_(1, slots, True) if real is None else self.real.index_copy_(1, slots, real)
        here = self.real[:, slots]
        places = (self.read + here.cumsum(1) - 1).clamp(min=0)
        self.read += here.sum(1, keepdim=True)
        hidden = net.embed_tokens(tokens)
        turned = tuple(one[:, None] for one in net.rotary_emb(hidden, places))  # cosine and sine, for all heads
        mask = self._mask(slots, seen) if count > 1 or self.padded or self.graphed else None
        for layer, cache in zip(net.layers, self.cache, strict=True):
            hidden = hidden + self._attended(layer, layer.input_layernorm(hidden), cache, slots, turned, mask, seen)
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        return net.norm(hidden[:, -1])

    def _mask(self, slots: "Tensor", seen: int) -> "Tensor":
        """Which slots each query may see, bool (rows, 1, groups * tokens, seen). Padding sees itself, for something
        must be seen."""
        import torch

        every = torch.arange(seen, device=self.device)
        mask = (every <= slots[:, None]) & self.real[:, None, :seen] | (every == slots[:, None])
        return mask.repeat(1, self.groups, 1)[:, None]

    def _attended(
        self,
        layer: Any,
        hidden: "Tensor",
        cache: "Tensor",
        slots: "Tensor",
        turned: "tuple[Tensor, ...]",
        mask: "Tensor | None",
        seen: int,
    ) -> "Tensor":
        """Attention of one layer. Queries that share keys count as several of one head, so that nothing is copied."""
        from torch.nn import functional

        attention, (rows, count, _) = layer.self_attn, hidden.shape
        query, key, value = (
            one(hidden).view(rows, count, -1, self.width)
            for one in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        query = _rotated(attention.q_norm(query).transpose(1, 2), *turned)
        cache[0].index_copy_(2, slots, _rotated(attention.k_norm(key).transpose(1, 2), *turned))
        cache[1].index_copy_(2, slots, value.transpose(1, 2))
        query = query.reshape(rows, self.keys, self.groups * count, self.width)
        found = functional.scaled_dot_product_attention(
            query, cache[0, :, :, :seen], cache[1, :, :, :seen], attn_mask=mask, scale=attention.scaling
        )
        found = found.view(rows, self.keys * self.groups, count, self.width).transpose(1, 2)
        return attention.o_proj(found.reshape(rows, count, -1))


def _rotated(states: "Tensor", cosine: "Tensor", sine: "Tensor") -> "Tensor":
    """Rotary places (Su et al. 2021) as Qwen3 has them: the halves of a head are the two sides of each pair."""
    import torch

    first, second = states.chunk(2, dim=-1)
    return states * cosine + torch.cat((-second, first), dim=-1) * sine


def _rounded(slots: int) -> int:
    return -(-slots // _FEWEST) * _FEWEST
