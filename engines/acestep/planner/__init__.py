"""ACE-Step's 5 Hz language model: it thinks a song over before it is made. Weights come from published checkpoints.

metas    what it decides in words: values, ranges, how they are written and read
prompt   what it is asked, word for word
letters  which tokens may come next
model    a planner in memory
plan     words -> metadata and codes

    planned = Planner(folder, device, precision).plan(Asked("calm piano", seconds=30, seed=1), progress)
    planned.metas.bpm, planned.metas.caption, planned.audio_codes

Of what upstream's planner does this is not here: a repetition penalty (its default, 1, is none), finding words and
metadata from the codes of a song, and writing lyrics.
"""

from engines.acestep.planner.metas import Metas, given, read
from engines.acestep.planner.model import Chance
from engines.acestep.planner.plan import Asked, Planned, Planner

__all__ = ["Asked", "Chance", "Metas", "Planned", "Planner", "given", "read"]
