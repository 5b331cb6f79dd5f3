"""Score -> stems: our own instruments, and a SoundFont where one is found.

`render` plays a score, `players` says who played what, `find` and `load` look for a SoundFont, and `warm` compiles or
loads every kernel ahead of the first song.
"""

from composer.synth.soundfont import SoundFont, find, load
from composer.synth.stems import players, render
from composer.synth.warm import warm

__all__ = ["SoundFont", "find", "load", "players", "render", "warm"]
