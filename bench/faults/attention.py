"""Sliding attention in blocks against the dense mask that diffusers draws up: the same numbers, and faster.

attention_error     largest difference of an output in float32, over lengths, head layouts and rows. (From
                    the same in float64 both ways are some 1e-6 away.)
attention_speedup   the masked call over ours, at 240 s of a published transformer: T 3000, 16 heads, 8 groups,
                    width 128, window 128, float32, one thread; for information
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.faults import Row, main

RIGHT = "Attention in blocks is that of the dense mask to 1e-6."
MOST = 1e-6
LENGTHS = (37, 128, 129, 130, 750, 3000)
LAYOUTS = ((16, 8, 128), (32, 8, 128), (4, 4, 64), (4, 1, 32))  # heads, groups, width; the first two are published
WINDOW = 128


def numbers(rows: int, length: int, layout: tuple[int, int, int], seed: int = 0) -> tuple[Any, Any, Any]:
    """Query, key and value as the layers have them after their norms: about 1."""
    import torch

    (heads, groups, width), dice = layout, torch.Generator().manual_seed(seed)
    query = torch.randn(rows, length, heads, width, generator=dice)
    key, value = (torch.randn(rows, length, groups, width, generator=dice) for _ in range(2))
    return query, key, value


def dense(query: Any, key: Any, value: Any, window: int) -> Any:
    """What diffusers does: a mask of T x T, added to the scores."""
    import torch

    place = torch.arange(query.shape[1])
    seen = ((place[:, None] - place).abs() <= window)[None, None]
    mask = torch.zeros(seen.shape, dtype=query.dtype).masked_fill(~seen, torch.finfo(query.dtype).min)
    found = torch.nn.functional.scaled_dot_product_attention(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attn_mask=mask, enable_gqa=True
    )
    return found.transpose(1, 2)


def difference(way: Callable[..., Any], rows: int, length: int, layout: tuple[int, int, int]) -> float:
    """Largest difference of `way(query, key, value, WINDOW)` from `dense`."""
    given = numbers(rows, length, layout)
    found = way(*given, WINDOW)
    if not found.isfinite().all():
        return float("inf")
    return float((found - dense(*given, WINDOW)).abs().max())


def measure(home: Path, quick: bool) -> Row:
    import torch

    from engines.acestep.attention import attend, blocks

    torch.set_num_threads(1)
    error = 0.0
    with torch.inference_mode():
        for length in LENGTHS[:-1] if quick else LENGTHS:
            for layout in LAYOUTS[:1] if length == max(LENGTHS) else LAYOUTS:
                for way in (blocks, attend):
                    error = max(error, difference(way, 2, length, layout))
        speedup = _speedup(750 if quick else 3000)
    wrong = (f"an output differs by {error:.2g}, more than {MOST:g}",) if error > MOST else ()
    return Row({"attention_error": error, "attention_speedup": round(speedup, 2)}, wrong)


def _speedup(length: int) -> float:
    import torch

    from engines.acestep.attention import attend

    given = numbers(1, length, LAYOUTS[0])
    place = torch.arange(length)
    near = (place[:, None] - place).abs() <= WINDOW
    mask = torch.zeros(1, 1, length, length).masked_fill(~near, torch.finfo(torch.float32).min)

    def theirs() -> None:  # the mask is drawn up once for all layers
        query, key, value = (one.transpose(1, 2) for one in given)
        torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)

    return _least(theirs) / _least(lambda: attend(*given, WINDOW))


def _least(work: Callable[[], object]) -> float:
    """Seconds of this process, the least of three."""
    found = []
    for _ in range(3):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
