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
from typing import Any

import numpy as np
from numba import njit, types

from kernels import table as at
from kernels.arithmetic import FAST, narrowed, norm
from kernels.attention import append, attend
from kernels.cpu import CPU, P
from kernels.product import ADD, GELU, STORE, product
from kernels.simd import (
    LINE,
    count_up,
    float_of,
    let_others_run,
    longs,
    look_at,
    nap,
    pause,
    post,
    read,
    wait,
    words,
)

ENTRY: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": FAST["fastmath"]}
_SPINS = 2000  # looks at the counter before a thread lets others run: some 30 microseconds
_YIELDS = 200  # of those before it sleeps between looks: the cores are taken by somebody else
_NAP = 50  # microseconds


@njit(**FAST)
def _meet(table):
    """Go on when all threads are here."""
    threads, counter = table[at.THREADS], table[at.COUNTER]
    if threads == 1:
        return
    arrived = count_up(counter)
    goal = (arrived // threads + 1) * threads
    looks = 0
    while look_at(counter) < goal:
        looks += 1
        if looks < _SPINS:
            pause()
        elif looks < _SPINS + _YIELDS:
            let_others_run()
        else:
            nap(np.uint32(_NAP))


@njit(**FAST)
def _attention(thread, table, layer_at, crossing, number, scratch):
    """Of this thread's heads, in every row; crossing, in those that are conditioned."""
    rows, heads, head, size = table[at.ROWS], table[at.HEADS], table[at.HEAD], table[at.CACHE_BYTES]
    first, last = heads * thread // table[at.THREADS], heads * (thread + 1) // table[at.THREADS]
    across, layer, position = heads * head, longs(layer_at), table[at.POSITION]
    scale, scores = float_of(np.uint32(table[at.HEAD_SCALE_BITS])), scratch + table[at.SCORES]
    lengths, hidden, positions = words(table[at.LENGTHS]), words(table[at.HIDDEN]), table[at.POSITIONS]
    keys_at, values_at, begin, end = table[at.KEYS], table[at.VALUES], 0, position + 1
    stride, block, count = 3 * across, number * rows, rows
    if crossing:
        keys_at, values_at, positions = layer[at.CONTEXT_KEYS], layer[at.CONTEXT_VALUES], table[at.TOKENS]
        stride, block, count = across, 0, table[at.CONDITIONED]
    for row in range(count):
        if crossing:
            end = lengths[row]
        else:
            begin = hidden[row]
        for one in range(first, last):
            query = table[at.PROJECTED] + (row * stride + one * head) * 4
            cache = ((block + row) * heads + one) * positions * head * size
            keys, values = keys_at + cache, values_at + cache
            if not crossing:
                append(size == 2, query + across * 4, query + across * 8, keys, values, position, positions, head)
            out = table[at.ATTENDED] + (row * across + one * head) * 4
            attend(size == 2, query, keys, values, begin, end, positions, head, scale, scores, out)


# Phases of a layer; then that of the heads, and what checks and measurements ask for.
_SELF, _SELF_OUT, _CROSS, _CROSS_OUT, _UP, _DOWN, _HEAD, _LONE = range(8)


@njit(**FAST)
def _kind(table, job, phase):
    if job != at.STEP:
        return _LONE if job == at.PRODUCT else _SELF
    return _HEAD if phase // 6 == table[at.LAYERS] else phase % 6


@njit(**FAST)
def _operands(kind, table, layer_at):
    """What is multiplied by what: addresses of matrix, of the norm before it (0: none), of the inputs (0: the normed
    stream); how many inputs; the address of the outputs, and how many; in how many parts, how many panels stay together
    (whole heads), and what becomes of the product."""
    padded, inner, head = table[at.PADDED], table[at.INNER], table[at.HEAD]
    across, here = table[at.HEADS] * head, table[at.HERE]
    stream, projected, attended = table[at.STREAM], table[at.PROJECTED], table[at.ATTENDED]
    if kind == _SELF:
        norm_at = layer_at + 8 * at.NORM_SELF
        return layer_at + 8 * at.QKV, norm_at, 0, padded, projected, across, 3, head // P, STORE
    if kind == _CROSS:
        norm_at = layer_at + 8 * at.NORM_CROSS
        return layer_at + 8 * at.CROSS_QUERY, norm_at, 0, padded, projected, across, 1, head // P, STORE
    if kind in (_SELF_OUT, _CROSS_OUT):
        matrix = layer_at + 8 * (at.OUT if kind == _SELF_OUT else at.CROSS_OUT)
        return matrix, 0, attended, across, stream, padded, 1, 1, ADD
    if kind == _UP:
        norm_at = layer_at + 8 * at.NORM_INNER
        return layer_at + 8 * at.UP, norm_at, 0, padded, table[at.EXPANDED], inner, 1, 1, GELU
    if kind == _DOWN:
        return layer_at + 8 * at.DOWN, 0, table[at.EXPANDED], inner, stream, padded, 1, 1, ADD
    matrix, outputs = here + 8 * at.HEAD_WORDS, table[at.OUTPUTS]
    if kind == _HEAD:
        return matrix, here + 8 * at.FINAL_WEIGHT, 0, padded, table[at.LOGITS], outputs, 1, 1, STORE
    return matrix, 0, table[at.PRODUCT_X], table[at.PRODUCT_INPUTS], table[at.PRODUCT_Y], outputs, 1, 1, STORE


@njit(**FAST)
def _entering(table, norm_at, x, rows, inputs, scratch):
    """The address of what a product takes: inputs in the form that panels feed on, the stream normed first."""
    padded = table[at.PADDED]
    if norm_at != 0:
        x = scratch + table[at.NORMED]
        for row in range(rows):
            place, weight, bias = row * padded * 4, longs(norm_at)[0], longs(norm_at)[1]
            norm(table[at.STREAM] + place, weight, bias, x + place, table[at.WIDTH], padded)
    return narrowed(table[at.PRECISION], x, rows, inputs, scratch + table[at.NARROWED], scratch + table[at.X_SCALES])


@njit(**FAST)
def _work(thread, table, job):
    """Embedded rows in the stream -> logits, phase by phase: meet the others, take what all have written, multiply, and
    write columns or heads of this thread's own. Or one product, or one attention, on its own.

    There is one loop, so that a product is compiled once.
    """
    scratch = table[at.SCRATCH] + thread * table[at.SCRATCH_BYTES]
    threads, precision = table[at.THREADS], table[at.PRECISION]
    for phase in range(6 * table[at.LAYERS] + 1 if job == at.STEP else 1):
        number, kind, rows = phase // 6, _kind(table, job, phase), table[at.ROWS]
        layer_at = table[at.LAYER_TABLE] + 8 * at.LAYER_SIZE * number
        if kind in (_CROSS, _CROSS_OUT):  # keys and values of the other rows are zero: they would add nothing
            rows = table[at.CONDITIONED]
            if rows == 0:
                continue
        matrix, norm_at, x, inputs, y, outputs, parts, together, then = _operands(kind, table, layer_at)
        units = outputs // P // together
        first, last = units * thread // threads * together, units * (thread + 1) // threads * together
        if job == at.ATTEND:
            parts = 0
        else:
            if phase > 0:
                _meet(table)
            x = _entering(table, norm_at, x, rows, inputs, scratch)
        for part in range(parts):
            begin, end = first + part * outputs // P, last + part * outputs // P
            scales, sums = scratch + table[at.X_SCALES], scratch + table[at.SUMS]
            product(precision, matrix, x, scales, inputs, rows, y, outputs * parts, begin, end, then, sums)
        if kind in (_SELF, _CROSS):
            _attention(thread, table, layer_at, kind == _CROSS, number, scratch)
    _meet(table)


@njit(**FAST)
def _read(thread, table):
    share = table[at.READ_BYTES] // table[at.THREADS] // (8 * LINE) * (8 * LINE)
    kept = words(table[at.SCRATCH] + thread * table[at.SCRATCH_BYTES])  # a sum that nobody wants would not be taken
    kept[0] = np.int32(read(table[at.READ_FROM] + thread * share, share))
    _meet(table)


def fingerprint() -> int:
    """Of every file of this room, and of what it found the CPU to be."""
    texts = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return int.from_bytes(hashlib.sha256(texts + repr(CPU).encode()).digest()[:7], "big")


@functools.cache
def entry() -> Callable[[int, int], int]:
    """`enter(thread, table)`, with the address of the table. Thread 0 wakes the others, does the job with them and
    returns; another thread sleeps until it is woken, does its share, and returns when the job is to close.

    Compiled, or read from the disk, when first asked for.
    """
    stamp = fingerprint()

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
            if job == at.READ:
                _read(thread, table)
            elif job != at.CLOSE:
                _work(thread, table, job)
            if thread == 0 or job == at.CLOSE:
                return stamp

    return enter
