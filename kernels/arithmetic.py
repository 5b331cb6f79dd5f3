"""The small steps between two products: norm, GELU, softmax, and activations in the form that panels feed on.

All of it vectorises. What is rounded on purpose is in functions of its own, with no leave to reorder.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from kernels.cpu import BF16, BF16_DOT, INT8, INT8_DOT, INT8_PAIRS
from kernels.simd import bits_of, float_of, floats, halves, octets, words

# Not cached: only what is called from Python is, as a whole (see compiled.py). All is written into its caller: else a
# process that compiles would call another copy of a helper than one that reads from the disk, and round otherwise.
_INNER: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
FAST = _INNER | {"fastmath": {"reassoc", "contract", "arcp", "nsz"}, "forceinline": True}
EXACT = _INNER | {"fastmath": {"contract"}, "forceinline": True}

f32 = np.float32
_EPSILON = f32(1e-5)  # of every norm
_ROUND = f32(1.5 * 2**23)  # adding and taking it away leaves the nearest whole number
_LOG2_E = f32(math.log2(math.e))
_LN2_UPPER, _LN2_LOWER = f32(0.693359375), f32(-2.12194440e-4)  # whose sum is ln 2, the first exact in few bits
_HALF_ROOT = f32(math.sqrt(0.5))
# Largest whole number that an int8 or its activation may become: pairs are summed exactly for up to 16,000 inputs.
INT8_TOP = 127
PAIR_TOP = 1023
_TINY = f32(1e-12)
_SIZE = 0x7FFFFFFF  # all bits but the sign


@njit(**EXACT)
def exp(x):
    """exp of x <= 0, float32; relative error below 2e-7. Source: Cephes, expf."""
    x = max(x, f32(-87.0))
    n = (x * _LOG2_E + _ROUND) - _ROUND
    r = (x - n * _LN2_UPPER) - n * _LN2_LOWER
    p = f32(1.9875691500e-4)
    p = p * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(0.5)
    return (p * r * r + r + f32(1)) * float_of(np.uint32((np.int32(n) + np.int32(127)) << np.int32(23)))


@njit(**EXACT)
def erf(x):
    """Error function, float32; absolute error below 4e-7. Source: Abramowitz and Stegun, 7.1.26."""
    size = abs(x)
    t = f32(1) / (f32(1) + f32(0.3275911) * size)
    p = f32(1.061405429)
    p = p * t + f32(-1.453152027)
    p = p * t + f32(1.421413741)
    p = p * t + f32(-0.284496736)
    p = p * t + f32(0.254829592)
    upper = f32(1) - p * t * exp(-(size * size))
    return upper if x >= f32(0) else -upper


@njit(**EXACT)
def gelu(x):
    """x times the normal distribution function of x: the erf form."""
    return f32(0.5) * x * (f32(1) + erf(x * _HALF_ROOT))


@njit(**EXACT)
def bf16_bits(x):
    """The bfloat16 nearest to a float32, ties to even, as uint32."""
    bits = bits_of(x)
    return np.uint32((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))


@njit(**FAST)
def norm(x_at, weight_at, bias_at, out_at, width, padded):
    """Layer norm of `width` numbers; zeros up to `padded`."""
    x, weight, bias, out = floats(x_at), floats(weight_at), floats(bias_at), floats(out_at)
    total = f32(0)
    for i in range(width):
        total += x[i]
    mean = total / f32(width)
    squares = f32(0)
    for i in range(width):
        squares += (x[i] - mean) * (x[i] - mean)
    scale = f32(1) / np.sqrt(squares / f32(width) + _EPSILON)
    for i in range(width):
        out[i] = (x[i] - mean) * scale * weight[i] + bias[i]
    for i in range(width, padded):
        out[i] = f32(0)


@njit(**FAST)
def _highest(at, first, end, absolute):
    # Floats are ordered as their bits are, negative ones backwards; only of whole numbers are maxima found in vectors.
    bits = words(at)
    highest = np.int32(-(2**31))
    for i in range(first, end):
        ordered = bits[i] & np.int32(_SIZE) if absolute else bits[i] ^ ((bits[i] >> np.int32(31)) & np.int32(_SIZE))
        highest = max(highest, np.int32(ordered))
    back = highest if absolute else highest ^ ((highest >> np.int32(31)) & np.int32(_SIZE))
    return float_of(np.uint32(np.int32(back)))


@njit(**FAST)
def softmax(scores_at, start, first, end, scale):
    """Weights of scores [first, end), zeros in [start, first) and at `end`; they add up to 1 over what is returned."""
    scores = floats(scores_at)
    highest = _highest(scores_at, first, end, False)
    for i in range(start, first):
        scores[i] = f32(0)
    total = f32(0)
    for i in range(first, end):
        weight = exp((scores[i] - highest) * scale)
        scores[i] = weight
        total += weight
    scores[end] = f32(0)
    return f32(1) / total


@njit(**FAST)
def narrowed(precision, x_at, rows, inner, out_at, scales_at):
    """Activations (rows, inner) float32 in the form that panels of this precision feed on; the address where it is."""
    if precision == 1 and BF16 == BF16_DOT:
        x, out = floats(x_at), halves(out_at)
        for i in range(rows * inner):
            out[i] = np.uint16(bf16_bits(x[i]))
        return out_at
    if precision == 2 and INT8 in (INT8_DOT, INT8_PAIRS):
        for row in range(rows):
            _whole_numbers(x_at + 4 * row * inner, inner, out_at, row, floats(scales_at))
        return out_at
    return x_at


@njit(**FAST)
def _whole_numbers(x_at, inner, out_at, row, scales):
    x = floats(x_at)
    highest = max(_TINY, _highest(x_at, 0, inner, True))
    if INT8 == INT8_DOT:  # unsigned: 128 stands for 0, which the sums of the weights take back
        out = octets(out_at + row * inner)
        scales[row] = highest / f32(INT8_TOP)
        up = f32(INT8_TOP) / highest
        for i in range(inner):
            out[i] = np.uint8(np.int32(x[i] * up + f32(128.5)))
    else:  # inputs 0 and 2 beside each other, then 1 and 3
        out = words(out_at + 2 * row * inner)
        scales[row] = highest / f32(PAIR_TOP)
        up = f32(PAIR_TOP) / highest
        for i in range(inner // 4):
            a = np.int32(x[4 * i] * up + f32(PAIR_TOP + 1.5)) - np.int32(PAIR_TOP + 1)
            b = np.int32(x[4 * i + 1] * up + f32(PAIR_TOP + 1.5)) - np.int32(PAIR_TOP + 1)
            c = np.int32(x[4 * i + 2] * up + f32(PAIR_TOP + 1.5)) - np.int32(PAIR_TOP + 1)
            d = np.int32(x[4 * i + 3] * up + f32(PAIR_TOP + 1.5)) - np.int32(PAIR_TOP + 1)
            out[2 * i] = (a & np.int32(0xFFFF)) | (c << np.int32(16))
            out[2 * i + 1] = (b & np.int32(0xFFFF)) | (d << np.int32(16))
