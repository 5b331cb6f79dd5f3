"""Attention as ACE-Step's layers have it, without a number for every moment against every other.

Half of its layers look no further than a window, `abs(i - j) <= window` (Beltagy et al. 2020, "Longformer"). diffusers
gives them a mask of T x T; with grouped keys no fused kernel of PyTorch takes that on many GPUs, and what is left holds
scores of rows x heads x T x T in 32 bit. Here queries stand in blocks, and each block looks at its neighbourhood alone:
the same sums, in time and memory that grow with T.

Query heads that share a key head stand below each other as queries of one head, so that all kernels take them: who
asks makes no difference to the answer of attention, and nothing is copied for it but the queries.

This is for the transformer, which works in every step and has no padding. The encoders of words and timbre run once,
and what they make of padding is looked at across, so they stay as diffusers has them.

Shapes: query (rows, T, heads, width), key and value (rows, T, groups, width), heads a multiple of groups.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

SHORT = 4  # windows: songs up to here are as fast with a mask on a processor (measured at 128: even at 3.5)


def attend(query: "Tensor", key: "Tensor", value: "Tensor", window: int | None = None) -> "Tensor":
    """Attention (rows, T, heads, width), in the window where there is one, on the path that is fastest here."""
    length = query.shape[1]
    if window is None or length <= window + 1:  # everyone sees everyone
        return whole(query, key, value)
    if query.device.type == "cpu" and length <= SHORT * window:
        return masked(query, key, value, window)
    return blocks(query, key, value, window)


def whole(query: "Tensor", key: "Tensor", value: "Tensor") -> "Tensor":
    """Every query sees every key. There may be more or fewer queries than keys."""
    import torch

    (rows, length, heads, width), groups = query.shape, key.shape[2]
    asking = query.unflatten(2, (groups, -1)).permute(0, 2, 3, 1, 4).flatten(2, 3)
    found = torch.nn.functional.scaled_dot_product_attention(asking, key.transpose(1, 2), value.transpose(1, 2))
    return found.view(rows, heads, length, width).transpose(1, 2)


def masked(query: "Tensor", key: "Tensor", value: "Tensor", window: int) -> "Tensor":
    """The window as a mask of T x T."""
    import torch

    place = torch.arange(query.shape[1], device=query.device)
    mask = ((place[:, None] - place).abs() <= window)[None, None]
    return torch.nn.functional.scaled_dot_product_attention(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attn_mask=mask, enable_gqa=True
    ).transpose(1, 2)


def blocks(query: "Tensor", key: "Tensor", value: "Tensor", window: int) -> "Tensor":
    """Blocks of half a window, each with a window of keys to either side."""
    import torch

    (rows, length, heads, width), groups = query.shape, key.shape[2]
    block = max(1, window // 2)
    count, reach = -(-length // block), block + 2 * window
    more = count * block - length
    pad = torch.nn.functional.pad

    def near(signal: "Tensor") -> "Tensor":
        """(rows x count, groups, reach, width)"""
        wide = pad(signal, (0, 0, 0, 0, window, window + more)).unfold(1, reach, block)
        return wide.transpose(3, 4).flatten(0, 1)

    asking = pad(query, (0, 0, 0, 0, 0, more)).view(rows, count, block, groups, heads // groups, width)
    asking = asking.permute(0, 1, 3, 4, 2, 5).reshape(rows * count, groups, -1, width)
    mask = _seen(length, window, block, query.device).repeat(rows, heads // groups, 1)[:, None]
    found = torch.nn.functional.scaled_dot_product_attention(asking, near(key), near(value), attn_mask=mask)
    found = found.view(rows, count, groups, heads // groups, block, width).permute(0, 1, 4, 2, 3, 5)
    return found.reshape(rows, count * block, heads, width)[:, :length]


def _seen(length: int, window: int, block: int, device: Any) -> "Tensor":
    """Which of its neighbourhood a query sees: (blocks, block, block + 2 window). No query sees nothing: where the last
    block reaches beyond the end, the end is in its window."""
    import torch

    place = torch.arange(-window, block + window, device=device)
    near = (place - torch.arange(block, device=device)[:, None]).abs() <= window
    first = torch.arange(0, length, block, device=device)[:, None, None]
    return near & (first + place >= 0) & (first + place < length)


class Processor:
    """What diffusers' AceStepAttention computes with. Dropout is for training and not here."""

    _attention_backend = "flash"  # for this diffusers draws up no mask of T x T
    _parallel_config = None

    def __call__(
        self,
        attn: Any,
        hidden_states: "Tensor",
        encoder_hidden_states: "Tensor | None" = None,
        attention_mask: "Tensor | None" = None,
        image_rotary_emb: Any = None,
    ) -> "Tensor":
        from diffusers.models.embeddings import apply_rotary_emb

        assert attention_mask is None, "the transformer has no padding"
        across = attn.is_cross_attention and encoder_hidden_states is not None
        heard = encoder_hidden_states if across else hidden_states
        query = attn.norm_q(attn.to_q(hidden_states).unflatten(-1, (attn.heads, attn.head_dim)))
        key = attn.norm_k(attn.to_k(heard).unflatten(-1, (attn.kv_heads, attn.head_dim)))
        value = attn.to_v(heard).unflatten(-1, (attn.kv_heads, attn.head_dim))
        if not across and image_rotary_emb is not None:  # Qwen3's layout: halves, not pairs
            query, key = (
                apply_rotary_emb(one, image_rotary_emb, use_real=True, use_real_unbind_dim=-2, sequence_dim=1)
                for one in (query, key)
            )
        found = attend(query, key, value, None if across else attn.sliding_window)
        return attn.to_out[0](found.flatten(2, 3).to(query.dtype))


def install(transformer: Any) -> None:
    """Let every layer of an AceStepTransformer1DModel compute so."""
    for layer in transformer.layers:
        for one in (layer.self_attn, layer.cross_attn):
            one.set_processor(Processor())


def fused(device: str, dtype: Any, width: int = 128) -> bool:
    """Whether heads of a width are computed without holding their scores. On a processor they always are; on a GPU
    torch knows, by its age and what torch was built with."""
    import torch

    if device == "cpu":
        return True
    one = torch.empty(1, 1, 64, width, device=device, dtype=dtype)
    mask = torch.ones(1, 1, 64, 64, device=device, dtype=dtype)
    asked = torch.backends.cuda.SDPAParams(one, one, one, mask, 0.0, False, False)
    return torch.backends.cuda.can_use_efficient_attention(asked) or torch.backends.cuda.can_use_cudnn_attention(asked)
