"""The decoder's step on a CPU, at the speed of its memory: transformers' weights, packed for the kernels."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from kernels import Layer

_MOST_THREADS = 16  # a handful of cores uses up all that a memory bus gives


class PackedStep:
    """See `step.Step`. Logits are the same for any number of threads."""

    def __init__(self, decoder: Any, precision: str):
        """`decoder` is transformers' MusicgenForCausalLM or MusicgenMelodyForCausalLM. Raises KernelsUnfit."""
        import torch

        from kernels import DecodeStep, Shape

        config, core = decoder.config, decoder.model.decoder
        with torch.inference_mode():
            head = _numbers(torch.cat([one.weight for one in decoder.lm_heads]))
            shape = Shape(
                layers=len(core.layers),
                width=config.hidden_size,
                heads=config.num_attention_heads,
                inner=config.ffn_dim,
                outputs=len(head),
            )
            self._step: DecodeStep = DecodeStep(
                shape, _layers(core.layers), _norm(core.layer_norm), head, precision, threads()
            )
        self._heads = shape.heads
        self._crossing = [
            (one.encoder_attn.k_proj.weight, one.encoder_attn.v_proj.weight)
            for one in core.layers
            if hasattr(one, "encoder_attn")
        ]

    def begin(
        self, rows: int, conditioned: int, positions: int, context: np.ndarray | None, lengths: Sequence[int]
    ) -> None:
        if context is None:
            self._step.begin(rows, 0, positions)
        else:
            self._step.begin(rows, conditioned, positions, self._looked_at(context), lengths)

    def _looked_at(self, context: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Keys and values of cross-attention, layer by layer, (conditioned, heads, tokens, width / heads)."""
        import torch

        def split(states: "Tensor", weight: "Tensor") -> np.ndarray:
            made = torch.nn.functional.linear(states.to(weight.dtype), weight)
            return _numbers(made.unflatten(-1, (self._heads, -1)).transpose(1, 2))

        with torch.inference_mode():
            states = torch.from_numpy(context)
            return [(split(states, keys), split(states, values)) for keys, values in self._crossing]

    def fill(self, layer: int, keys: np.ndarray, values: np.ndarray, at: int) -> None:
        self._step.fill(layer, np.ascontiguousarray(keys), np.ascontiguousarray(values), at)

    def __call__(self, embedded: np.ndarray, position: int) -> np.ndarray:
        return self._step(np.ascontiguousarray(embedded, dtype=np.float32), position)

    def rest(self) -> None:
        self._step.begin(1, 0, 1)


def threads() -> int:
    """How many threads share a step: the cores that this process may use, as far as more of them help."""
    return min(_MOST_THREADS, len(os.sched_getaffinity(0)))


def _layers(layers: Any) -> "Iterator[Layer]":
    """Layer by layer, so that no more than one of them is there a second time in 32 bit."""
    import torch

    from kernels import Layer

    for one in layers:
        mine, other = one.self_attn, getattr(one, "encoder_attn", None)
        crossing: dict[str, Any] = {}
        if other is not None:
            crossing = {
                "cross_query": _numbers(other.q_proj.weight),
                "cross_out": _numbers(other.out_proj.weight),
                "norm_cross": _norm(one.encoder_attn_layer_norm),
            }
        yield Layer(
            qkv=_numbers(torch.cat([mine.q_proj.weight, mine.k_proj.weight, mine.v_proj.weight])),
            out=_numbers(mine.out_proj.weight),
            up=_numbers(one.fc1.weight),
            down=_numbers(one.fc2.weight),
            norm_self=_norm(one.self_attn_layer_norm),
            norm_inner=_norm(one.final_layer_norm),
            **crossing,
        )


def _norm(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    return _numbers(norm.weight), _numbers(norm.bias)


def _numbers(weight: "Tensor") -> np.ndarray:
    """As a float32 array of its own layout."""
    return np.ascontiguousarray(weight.detach().float().cpu().numpy())
