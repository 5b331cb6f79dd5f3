"""Our own instruments, as data: one file for each family."""

from composer.synth.patch import Bars, Layer, Patch, floats, table
from composer.synth.patches.basses import BASSES
from composer.synth.patches.blown import BLOWN, BOWED
from composer.synth.patches.keys import KEYS
from composer.synth.patches.noises import NOISES
from composer.synth.patches.plucked import PLUCKED
from composer.synth.patches.struck import STRUCK
from composer.synth.patches.synths import SYNTHS

__all__ = ["PATCHES", "Bars", "Layer", "Patch", "floats", "table"]

PATCHES: dict[str, Patch] = KEYS | BASSES | SYNTHS | STRUCK | PLUCKED | BOWED | BLOWN | NOISES
