"""y = x W^T for a few rows of x: every byte of W comes from memory once, however many rows there are."""

from numba import njit

from kernels.arithmetic import FAST, f32, gelu
from kernels.cpu import CPU, INT8, INT8_DOT, INT8_WIDE, MOST_ROWS, P
from kernels.simd import feed_bytes, floats, longs, panel, words

PANEL_BYTES = 4 * P  # of a step
# Where the rows need more than one pass, a stretch of weights that stays in the first cache meets all of them first.
STRETCH = 16384 // PANEL_BYTES
STORE, ADD, GELU = range(3)  # what becomes of a product

_X_FP32, _X_BF16, _X_INT8 = (feed_bytes(kind) for kind in CPU.kinds)


def _multiplier(kind: int):
    """`sums += x W^T` over some steps of one panel, for any number of rows."""
    one, two, most = (panel(kind, rows) for rows in (1, 2, MOST_ROWS))

    @njit(**FAST)
    def multiply(sums, x, stride, weights, steps, rows, fresh):
        row = 0
        while rows - row >= MOST_ROWS:
            most(sums + row * PANEL_BYTES, x + row * stride, stride, weights, steps, fresh)
            row += MOST_ROWS
        if rows - row >= 2:
            two(sums + row * PANEL_BYTES, x + row * stride, stride, weights, steps, fresh)
            row += 2
        if rows - row >= 1:
            one(sums + row * PANEL_BYTES, x + row * stride, stride, weights, steps, fresh)

    return multiply


add_fp32, add_bf16, add_int8 = (_multiplier(kind) for kind in CPU.kinds)


@njit(**FAST)
def steps_of(precision, inner):
    """How many steps a panel of `inner` inputs has: a word holds 1, 2 or 4 of them."""
    return inner >> precision


@njit(**FAST)
def panel_at(precision, weights, inner, number):
    """Address of a panel of a matrix."""
    return weights + number * steps_of(precision, inner) * PANEL_BYTES


@njit(**FAST)
def product(precision, matrix, x, x_scales, inner, rows, y, outputs, first, last, then, sums):
    """Panels [first, last) of y (rows, outputs). `matrix`: where the addresses of words, scales and offsets are; `x` as
    `narrowed` gives it; `sums` scratch for (rows, P).

    An output is summed by one thread, in one order, whatever the number of threads and of rows.
    """
    weights, scales, offsets = longs(matrix)[0], longs(matrix)[1], longs(matrix)[2]
    steps = steps_of(precision, inner)
    stretch = steps if rows <= MOST_ROWS else STRETCH
    for number in range(first, last):
        block = panel_at(precision, weights, inner, number)
        for step in range(0, steps, stretch):
            count = min(stretch, steps - step)
            part = block + step * PANEL_BYTES
            if precision == 0:
                add_fp32(sums, x + step * _X_FP32, steps * _X_FP32, part, count, rows, step == 0)
            elif precision == 1:
                add_bf16(sums, x + step * _X_BF16, steps * _X_BF16, part, count, rows, step == 0)
            else:
                add_int8(sums, x + step * _X_INT8, steps * _X_INT8, part, count, rows, step == 0)
        column = number * PANEL_BYTES
        for row in range(rows):
            at = sums + row * PANEL_BYTES
            if precision == 2:
                _scaled(at, scales + column, offsets + column, floats(x_scales)[row])
            _put(then, at, y + row * outputs * 4 + column)


@njit(**FAST)
def _scaled(sums_at, scales_at, offsets_at, x_scale):
    # From whole numbers to what they stand for, in place.
    result, scales = floats(sums_at), floats(scales_at)
    if INT8 == INT8_WIDE:
        for i in range(P):
            result[i] = result[i] * scales[i]
        return
    sums, offsets = words(sums_at), words(offsets_at)
    for i in range(P):
        whole = sums[i] - offsets[i] if INT8 == INT8_DOT else sums[i]
        result[i] = f32(whole) * (scales[i] * x_scale)


@njit(**FAST)
def _put(then, sums_at, y_at):
    sums, y = floats(sums_at), floats(y_at)
    if then == ADD:
        for i in range(P):
            y[i] += sums[i]
    elif then == GELU:
        for i in range(P):
            y[i] = gelu(sums[i])
    else:
        for i in range(P):
            y[i] = sums[i]
