"""The decode step as one compiled function that every thread is in at once, meeting the others where it must.

numba keeps compiled code on the disk and looks only at the file of the function that it was asked for: a change in a
helper's file would go unnoticed, and a helper that is kept by itself is compiled otherwise than one that is not. So one
function is kept, with all that it calls, and it closes over a fingerprint of this room's files, which numba makes part
of the key.
"""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import njit, types

from kernels import table as at
from kernels.arithmetic import FAST, INLINE, narrowed, norm
from kernels.attention import append, attend
from kernels.cpu import P
from kernels.product import ADD, GELU, STORE, panel_at, product
from kernels.simd import (
    LINE,
    count_up,
    float_of,
    let_others_run,
    longs,
    look_at,
    pause,
    post,
    prefetch,
    read,
    sleep_microseconds,
    wait,
    words,
)

ENTRY = {"nogil": True, "error_model": "numpy", "fastmath": FAST["fastmath"]}
_SPINS = 2000  # looks at the counter before a thread lets others run: some 30 microseconds
_YIELDS = 200  # of those before it sleeps between looks: the cores are taken by somebody else
_AHEAD = 128 * 1024  # bytes of the next weights that a waiting thread asks for, into its own cache
_NAP = np.uint32(50)  # microseconds


@njit(**FAST)
def _meet(table, ahead, size):
    """Go on when all threads are here. Who comes early asks the memory for what it will need next."""
    threads, counter = table[at.THREADS], table[at.COUNTER]
    if threads == 1:
        return
    arrived = count_up(counter)
    goal = (arrived // threads + 1) * threads
    looks, asked = 0, 0
    while look_at(counter) < goal:
        looks += 1
        if asked < min(size, _AHEAD):
            prefetch(ahead + asked)
            asked += LINE
        elif looks < _SPINS:
            pause()
        elif looks < _SPINS + _YIELDS:
            let_others_run()
        else:
            sleep_microseconds(_NAP)


@njit(**INLINE)
def _share(count, thread, threads):
    return count * thread // threads, count * (thread + 1) // threads


@njit(**FAST)
def _meet_before(table, weights, inner, outputs, thread):
    first, last = _share(outputs // P, thread, table[at.THREADS])
    begin = panel_at(table[at.PRECISION], weights, inner, first)
    _meet(table, begin, panel_at(table[at.PRECISION], weights, inner, last) - begin)


@njit(**INLINE)
def _multiply(table, matrix, x, inner, rows, y, outputs, first, last, then, scratch):
    # A product of activations that are already narrowed.
    precision, x_scales, sums = table[at.PRECISION], scratch + table[at.X_SCALES], scratch + table[at.SUMS]
    product(precision, matrix, x, x_scales, inner, rows, y, outputs, first, last, then, sums)


@njit(**FAST)
def _narrow(table, x, rows, inner, scratch):
    return narrowed(table[at.PRECISION], x, rows, inner, scratch + table[at.NARROWED], scratch + table[at.X_SCALES])


@njit(**FAST)
def _normed(table, weight, bias, rows, scratch):
    # The stream of so many rows, normed and narrowed.
    width, padded, out = table[at.WIDTH], table[at.PADDED], scratch + table[at.NORMED]
    for row in range(rows):
        norm(table[at.STREAM] + row * padded * 4, weight, bias, out + row * padded * 4, width, padded)
    return _narrow(table, out, rows, padded, scratch)


@njit(**FAST)
def _self_attention(thread, table, layer_at, number, scratch):
    layer = longs(layer_at)
    rows, heads, head, padded = table[at.ROWS], table[at.HEADS], table[at.HEAD], table[at.PADDED]
    first, last = _share(heads, thread, table[at.THREADS])
    across, projected, size = heads * head, table[at.PROJECTED], table[at.CACHE_BYTES]
    x = _normed(table, layer[at.NORM_SELF], layer[at.NORM_SELF + 1], rows, scratch)
    for part in range(3):  # queries, keys and values of this thread's heads
        begin, end = (part * across + first * head) // P, (part * across + last * head) // P
        matrix = layer_at + 8 * at.QKV
        _multiply(table, matrix, x, padded, rows, projected, 3 * across, begin, end, STORE, scratch)
    position, positions, hidden = table[at.POSITION], table[at.POSITIONS], words(table[at.HIDDEN])
    scale = float_of(np.uint32(table[at.HEAD_SCALE_BITS]))
    for row in range(rows):
        for one in range(first, last):
            query = projected + (row * 3 * across + one * head) * 4
            cache = ((number * rows + row) * heads + one) * positions * head * size
            keys, values = table[at.KEYS] + cache, table[at.VALUES] + cache
            append(size == 2, query + across * 4, query + across * 8, keys, values, position, positions, head)
            out = table[at.ATTENDED] + (row * across + one * head) * 4
            scores, seen = scratch + table[at.SCORES], hidden[row]
            attend(size == 2, query, keys, values, seen, position + 1, positions, head, scale, scores, out)


@njit(**FAST)
def _cross_attention(thread, table, layer_at, scratch):
    layer = longs(layer_at)
    rows, heads, head, padded = table[at.CONDITIONED], table[at.HEADS], table[at.HEAD], table[at.PADDED]
    first, last = _share(heads, thread, table[at.THREADS])
    across, projected, tokens, size = heads * head, table[at.PROJECTED], table[at.TOKENS], table[at.CACHE_BYTES]
    x = _normed(table, layer[at.NORM_CROSS], layer[at.NORM_CROSS + 1], rows, scratch)
    matrix = layer_at + 8 * at.CROSS_QUERY
    begin, end = first * head // P, last * head // P
    _multiply(table, matrix, x, padded, rows, projected, across, begin, end, STORE, scratch)
    lengths, scale = words(table[at.LENGTHS]), float_of(np.uint32(table[at.HEAD_SCALE_BITS]))
    for row in range(rows):
        for one in range(first, last):
            place = (row * across + one * head) * 4
            cache = (row * heads + one) * tokens * head * size
            keys, values = layer[at.CONTEXT_KEYS] + cache, layer[at.CONTEXT_VALUES] + cache
            query, out, scores = projected + place, table[at.ATTENDED] + place, scratch + table[at.SCORES]
            attend(size == 2, query, keys, values, 0, lengths[row], tokens, head, scale, scores, out)


@njit(**FAST)
def _added(thread, table, matrix, x, inner, rows, scratch):
    # Stream += x W^T, this thread's columns of it.
    first, last = _share(table[at.PADDED] // P, thread, table[at.THREADS])
    fed = _narrow(table, x, rows, inner, scratch)
    _multiply(table, matrix, fed, inner, rows, table[at.STREAM], table[at.PADDED], first, last, ADD, scratch)


@njit(**INLINE)
def _step(thread, table):
    """Embedded rows in the stream -> logits. Between two meetings a thread reads what all have written, and writes
    columns or heads of its own."""
    scratch = table[at.SCRATCH] + thread * table[at.SCRATCH_BYTES]
    rows, conditioned, inner, padded = table[at.ROWS], table[at.CONDITIONED], table[at.INNER], table[at.PADDED]
    across, attended, threads = table[at.HEADS] * table[at.HEAD], table[at.ATTENDED], table[at.THREADS]
    for number in range(table[at.LAYERS]):
        layer_at = table[at.LAYER_TABLE] + 8 * at.LAYER_SIZE * number
        layer = longs(layer_at)
        _self_attention(thread, table, layer_at, number, scratch)
        _meet_before(table, layer[at.OUT], across, padded, thread)
        _added(thread, table, layer_at + 8 * at.OUT, attended, across, rows, scratch)
        if conditioned > 0:  # keys and values of the other rows would be zero, and so would what they add
            _meet_before(table, layer[at.CROSS_QUERY], padded, across, thread)
            _cross_attention(thread, table, layer_at, scratch)
            _meet_before(table, layer[at.CROSS_OUT], across, padded, thread)
            _added(thread, table, layer_at + 8 * at.CROSS_OUT, attended, across, conditioned, scratch)
        _meet_before(table, layer[at.UP], padded, inner, thread)
        x = _normed(table, layer[at.NORM_INNER], layer[at.NORM_INNER + 1], rows, scratch)
        first, last = _share(inner // P, thread, threads)
        matrix, expanded = layer_at + 8 * at.UP, table[at.EXPANDED]
        _multiply(table, matrix, x, padded, rows, expanded, inner, first, last, GELU, scratch)
        _meet_before(table, layer[at.DOWN], inner, padded, thread)
        _added(thread, table, layer_at + 8 * at.DOWN, expanded, inner, rows, scratch)
        following = layer[at.LAYER_SIZE + at.QKV] if number + 1 < table[at.LAYERS] else table[at.HEAD_WORDS]
        _meet_before(table, following, padded, across, thread)
    x = _normed(table, table[at.FINAL_WEIGHT], table[at.FINAL_BIAS], rows, scratch)
    outputs = table[at.OUTPUTS]
    first, last = _share(outputs // P, thread, threads)
    matrix = table[at.HERE] + 8 * at.HEAD_WORDS
    _multiply(table, matrix, x, padded, rows, table[at.LOGITS], outputs, first, last, STORE, scratch)
    _meet(table, 0, 0)


@njit(**INLINE)
def _product(thread, table):
    # One matrix on its own: what checks and measurements need.
    scratch = table[at.SCRATCH] + thread * table[at.SCRATCH_BYTES]
    rows, inner, outputs = table[at.ROWS], table[at.PRODUCT_INPUTS], table[at.OUTPUTS]
    first, last = _share(outputs // P, thread, table[at.THREADS])
    x = _narrow(table, table[at.PRODUCT_X], rows, inner, scratch)
    matrix = table[at.HERE] + 8 * at.HEAD_WORDS
    _multiply(table, matrix, x, inner, rows, table[at.PRODUCT_Y], outputs, first, last, STORE, scratch)
    _meet(table, 0, 0)


@njit(**INLINE)
def _attend(thread, table):
    # One head of one row on its own.
    if thread == 0:
        scores = table[at.SCRATCH] + table[at.SCORES]
        head, positions, end = table[at.HEAD], table[at.POSITIONS], table[at.POSITION] + 1
        keys, values, narrow = table[at.KEYS], table[at.VALUES], table[at.CACHE_BYTES] == 2
        scale, query, out = float_of(np.uint32(table[at.HEAD_SCALE_BITS])), table[at.PRODUCT_X], table[at.PRODUCT_Y]
        attend(narrow, query, keys, values, 0, end, positions, head, scale, scores, out)
    _meet(table, 0, 0)


@njit(**INLINE)
def _read(thread, table):
    share = table[at.READ_BYTES] // table[at.THREADS] // (8 * LINE) * (8 * LINE)
    kept = words(table[at.SCRATCH] + thread * table[at.SCRATCH_BYTES])  # a sum that nobody wants would not be taken
    kept[0] = np.int32(read(table[at.READ_FROM] + thread * share, share))
    _meet(table, 0, 0)


def _fingerprint() -> int:
    """Of every file of this room."""
    texts = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return int.from_bytes(hashlib.sha256(texts).digest()[:7], "big")


@functools.cache
def entry() -> Callable[[int, int], int]:
    """`enter(thread, table)`, with the address of the table. Thread 0 wakes the others, does the job with them and returns; another thread
    sleeps until it is woken, does its share, and returns when the job is to close. Compiled, or read from the disk,
    when first asked for.
    """
    stamp = _fingerprint()

    @njit(types.int64(types.int64, types.int64), cache=True, **ENTRY)
    def enter(thread, table_at):
        table = longs(table_at)
        if thread == 0:
            for other in range(1, table[at.THREADS]):
                post(table[at.SEMAPHORES] + other * LINE)
        while True:
            if thread > 0:
                while wait(table[at.SEMAPHORES] + thread * LINE) != 0:
                    pass  # a signal came in between
            job = table[at.JOB]
            if job == at.STEP:
                _step(thread, table)
            elif job == at.PRODUCT:
                _product(thread, table)
            elif job == at.ATTEND:
                _attend(thread, table)
            elif job == at.READ:
                _read(thread, table)
            if thread == 0 or job == at.CLOSE:
                return stamp

    return enter
