"""How close the decode step comes to what memory allows. A table for people; the last line is JSON.

The shape is musicgen-small's with random weights: 24 layers, width 1024, 16 heads, inner width 4096, 4 x 2048 outputs.
A song is two rows, of which one is conditioned on 16 tokens. In every round each cell is measured once, and so is the
read bandwidth; figures are medians over rounds.

    <precision>_over_limit       ms per step over (bytes of weights, keys and values / read bandwidth), at 20 positions
    <precision>_over_limit_1500  the same at 1500 positions
    <precision>_batch2_cost      a step of two songs over a step of one, at 20 positions; and so on for 4, 8 and _1500
    choice                       the precision that a short measurement picks here

Steps and reads of a large buffer take turns. Wall time is what counts and what neighbours inflate; `cpu` is the CPU
time of all threads, which they inflate less, and `cpu x` is over the limit by the bytes that are read per CPU second.
`--threads 1` or `2`; `--quick` takes fewer cells and rounds.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kernels import PRECISIONS, DecodeStep, Layer, Shape, choose
from kernels.fitness import Memory

SMALL = Shape(layers=24, width=1024, heads=16, inner=4096, outputs=8192)
TOKENS = 16
SECONDS = 0.3  # spent in a cell of a round, at least


def layers(shape: Shape) -> Iterator[Layer]:
    """The same random numbers in every layer, since only their place in memory matters."""
    chance = np.random.default_rng(1)

    def matrix(outputs: int, inputs: int) -> np.ndarray:
        return chance.standard_normal((outputs, inputs), np.float32) / np.float32(inputs**0.5)

    width, inner, norm = shape.width, shape.inner, _norm(shape)
    layer = Layer(
        *(matrix(3 * width, width), matrix(width, width), matrix(inner, width), matrix(width, inner), norm, norm),
        *(matrix(width, width), matrix(width, width), norm),
    )
    for _ in range(shape.layers):
        yield layer


def _norm(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(shape.width, np.float32), np.zeros(shape.width, np.float32)


def build(precision: str, threads: int) -> DecodeStep:
    head = np.random.default_rng(2).standard_normal((SMALL.outputs, SMALL.width), np.float32)
    return DecodeStep(SMALL, layers(SMALL), _norm(SMALL), head, precision, threads)


def begin(step: DecodeStep, songs: int, position: int) -> None:
    """A batch whose next position is `position`."""
    chance = np.random.default_rng(3)
    across = (SMALL.heads, TOKENS, SMALL.head_width)
    context = chance.standard_normal((2, songs, *across), np.float32)
    step.begin(2 * songs, songs, position + 64, [(context[0], context[1])] * SMALL.layers)
    past = chance.standard_normal((2, 1, SMALL.heads, position, SMALL.head_width), np.float32)
    keys, values = np.broadcast_to(past, (2, 2 * songs, *past.shape[2:]))
    for layer in range(SMALL.layers):
        step.fill(layer, keys, values)


def cell(step: DecodeStep, memory: Memory, songs: int, position: int) -> dict[str, float]:
    """Steps and reads in turns: medians of seconds, CPU seconds of all threads and bandwidths; bytes of a step."""
    begin(step, songs, position)
    embedded = np.random.default_rng(4).standard_normal((2 * songs, SMALL.width), np.float32)
    step(embedded, position)
    taken: dict[str, list[float]] = {"wall": [], "cpu": [], "read": [], "cpu_read": []}
    while sum(taken["wall"]) < SECONDS or len(taken["wall"]) < 8:
        speed, cpu_speed = memory.read()
        begun, begun_cpu = time.perf_counter(), time.process_time()
        step(embedded, position)
        spent = time.perf_counter() - begun, time.process_time() - begun_cpu
        for name, value in zip(taken, (*spent, speed, cpu_speed), strict=True):
            taken[name].append(value)
    found = {name: statistics.median(values) for name, values in taken.items()}
    return found | {"bytes": step.weight_bytes + step.cache_bytes(position)}


def rounds(asked: argparse.Namespace) -> dict[tuple[str, int, int], list[dict[str, float]]]:
    """What was measured of (precision, songs, position), once per round."""
    steps = {precision: build(precision, asked.threads) for precision in asked.precisions}
    memory = Memory(asked.threads)
    measured: dict[tuple[str, int, int], list[dict[str, float]]] = {}
    for number in range(asked.rounds):
        for position in asked.positions:
            for songs in asked.songs:
                for precision, step in steps.items():
                    if precision == "fp32" and songs > 2:
                        continue  # who has the memory for it does not decode so on a CPU
                    found = cell(step, memory, songs, position)
                    measured.setdefault((precision, songs, position), []).append(found)
        print(f"  round {number + 1} of {asked.rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
    for step in steps.values():
        step.close()
    memory.close()
    return measured


def figures(measured: dict[tuple[str, int, int], list[dict[str, float]]], threads: int) -> dict[str, float]:
    """Prints the table."""
    best = max(found["read"] for cells in measured.values() for found in cells)
    middle = statistics.median(found["read"] for cells in measured.values() for found in cells)
    print(f"{threads} threads read {middle / 1e9:.1f} GB/s (median), {best / 1e9:.1f} GB/s (best)")
    print(f"  {'':<5} {'songs':>5} {'at':>5} {'MB':>6} {'ms':>7} {'limit':>6} {'x':>5} {'cpu ms':>7} {'cpu x':>5}")
    result: dict[str, float] = {}
    for (precision, songs, position), cells in measured.items():
        wall, cpu = (statistics.median(found[name] for found in cells) for name in ("wall", "cpu"))
        size = cells[0]["bytes"]
        # Of each round its own bandwidth, since neighbours come and go.
        over = statistics.median(found["wall"] * found["read"] / size for found in cells)
        over_cpu = statistics.median(found["cpu"] * found["cpu_read"] / size for found in cells)
        told = f"{size / 1e6:>6.0f} {wall * 1e3:>7.2f} {wall * 1e3 / over:>6.2f} {over:>5.2f}"
        print(f"  {precision:<5} {songs:>5} {position:>5} {told} {cpu * 1e3:>7.2f} {over_cpu:>5.2f}")
        suffix = "" if position == 20 else f"_{position}"
        if songs == 1:
            result[f"{precision}_over_limit{suffix}"] = round(over, 3)
        elif (single := measured.get((precision, 1, position))) is not None:
            pairs = zip(cells, single, strict=True)
            cost = statistics.median(many["wall"] / one["wall"] for many, one in pairs)
            result[f"{precision}_batch{songs}_cost{suffix}"] = round(cost, 3)
    return result


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the decode step.")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--rounds", type=int, default=0, help="5, or 3 with --quick")
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--quick", action="store_true", help="one and four songs only, fewer rounds")
    asked = parser.parse_args()
    asked.precisions = asked.precisions.split(",")
    asked.rounds = asked.rounds or (3 if asked.quick else 5)
    asked.songs = (1, 4) if asked.quick else (1, 2, 4, 8)
    asked.positions = (20, 1500)
    return asked


def main() -> None:
    asked = _asked()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    result: dict[str, float | str] = {"threads": asked.threads, "load": round(os.getloadavg()[0], 1)}
    result |= figures(rounds(asked), asked.threads)
    result["choice"] = choose(threads=asked.threads)
    print(f"load {os.getloadavg()[0]:.1f} at the end\n")
    for name, figure in result.items():
        print(f"  {name:<24} {figure!s:>8}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
