"""Attention of one head of one row over its cache, whose keys and values are packed like weights.

Keys of a head are a matrix (positions, head) and values its transpose (head, positions): scores and sums are products
of one row, with nothing added across a vector. P positions, or P numbers of the head, are a panel.
"""

import numpy as np
from numba import njit

from kernels.arithmetic import FAST, bf16_bits, f32, softmax
from kernels.cpu import BF16_SHIFT, FP32, P
from kernels.product import PANEL_BYTES
from kernels.simd import floats, halves, panel

_fp32 = panel(FP32, 1)
_bf16 = panel(BF16_SHIFT, 1)


@njit(**FAST)
def attend(narrow, query, keys, values, first, end, positions, head, scale, scores, out):
    """Attend to positions [first, end) of a cache of `positions`; `narrow` says that it holds bfloat16.

    `query` and `out` (head,) float32; `scores` is scratch for end + P numbers.
    """
    start = first // P
    begin = scores + start * PANEL_BYTES
    for number in range(start, (end + P - 1) // P):
        if narrow:
            _bf16(scores + number * PANEL_BYTES, query, 0, keys + number * head * P * 2, head // 2, 1)
        else:
            _fp32(scores + number * PANEL_BYTES, query, 0, keys + number * head * P * 4, head, 1)
    share = softmax(scores, start * P, first, end, scale)
    for number in range(head // P):
        at = out + number * PANEL_BYTES
        if narrow:  # two positions a step: the weight of one that is not there is 0
            block = values + (number * positions + start * P) * P * 2
            _bf16(at, begin, 0, block, (end - start * P + 1) // 2, 1)
        else:
            _fp32(at, begin, 0, values + (number * positions + start * P) * P * 4, end - start * P, 1)
    summed = floats(out)
    for i in range(head):
        summed[i] *= share


@njit(**FAST)
def append(narrow, key_at, value_at, keys, values, position, positions, head):
    """Put one position's key and value (head,) float32 into a cache."""
    key, value = floats(key_at), floats(value_at)
    within, block = position % P, keys + position // P * head * P * (2 if narrow else 4)
    if narrow:
        kept, held = halves(block), halves(values)
        for i in range(head):
            kept[(i // 2 * P + within) * 2 + i % 2] = np.uint16(bf16_bits(key[i]))
            place = (i // P * positions + position // 2 * 2) * P + i % P * 2 + position % 2
            held[place] = np.uint16(bf16_bits(value[i]))
    else:
        wide, far = floats(block), floats(values)
        for i in range(head):
            wide[i * P + within] = f32(key[i])
            far[(i // P * positions + position) * P + i % P] = value[i]
