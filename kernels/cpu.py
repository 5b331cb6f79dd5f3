"""What this CPU can do, and so which panels its weights are packed for.

Set by the environment, as for numba itself: NUMBA_CPU_NAME makes as if this were another CPU.
"""

import os
import platform
from dataclasses import dataclass

import llvmlite.binding as llvm

# What CPUs by these names have, of what concerns us. A name that is not here is taken to have none of it.
_AVX512 = frozenset({"avx2", "avx512f", "avx512bw"})
_NAMED = {
    "haswell": frozenset({"avx2"}),
    "znver3": frozenset({"avx2"}),
    "x86-64-v3": frozenset({"avx2"}),
    "skylake-avx512": _AVX512,
    "x86-64-v4": _AVX512,
    "icelake-server": _AVX512 | {"avx512vnni"},
    "sapphirerapids": _AVX512 | {"avx512vnni", "avx512bf16"},
    "znver4": _AVX512 | {"avx512vnni", "avx512bf16"},
}

# Kinds of panel: how weights of a precision meet the activations.
FP32 = 0  # float32 times float32
BF16_SHIFT = 1  # bfloat16 widened to float32 by a shift, times float32
BF16_DOT = 2  # pairs of bfloat16: vdpbf16ps
INT8_WIDE = 3  # int8 widened to float32, times float32
INT8_PAIRS = 4  # pairs of int16: pmaddwd; 10-bit activations
INT8_DOT = 5  # fours of int8: vpdpbusd; 8-bit activations
NAMES = ("fp32", "bf16 by shifts", "bf16 dot", "int8 widened", "int8 in pairs", "int8 dot")


@dataclass(frozen=True)
class Cpu:
    """`lanes`: 32-bit numbers in a vector; `rows`: activation rows that a panel's sums find registers for;
    `bf16` and `int8`: the kind of panel for weights of that precision."""

    lanes: int
    rows: int
    bf16: int
    int8: int

    @property
    def panel(self) -> int:
        """Outputs that are summed at once: four vectors of them."""
        return 4 * self.lanes

    @property
    def kinds(self) -> tuple[int, int, int]:
        """The kind of panel for weights in fp32, bf16 and int8."""
        return FP32, self.bf16, self.int8


def _features() -> frozenset[str]:
    name = os.environ.get("NUMBA_CPU_NAME")
    if name and name != "host":
        return _NAMED.get(name, frozenset())
    return frozenset(feature for feature, there in llvm.get_host_cpu_features().items() if there)


def this_cpu() -> Cpu:
    """The CPU that code is compiled for."""
    has = _features()
    intel = platform.machine().lower() in ("x86_64", "amd64")
    if not intel:
        return Cpu(4, 4, BF16_SHIFT, INT8_WIDE)  # NEON: 32 registers of 128 bits
    if {"avx512f", "avx512bw"} <= has:
        bf16 = BF16_DOT if "avx512bf16" in has else BF16_SHIFT
        return Cpu(16, 4, bf16, INT8_DOT if "avx512vnni" in has else INT8_PAIRS)
    return Cpu(8 if "avx2" in has else 4, 2, BF16_SHIFT, INT8_PAIRS)


CPU = this_cpu()
# As plain numbers, which compiled code can read.
P, MOST_ROWS, BF16, INT8 = CPU.panel, CPU.rows, CPU.bf16, CPU.int8
