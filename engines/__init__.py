"""One room per way of making sound, all behind the door drawn in `engines.base`."""

from engines.acestep import AceStep
from engines.base import Engine
from engines.composer import Composer
from engines.musicgen import MusicGen

NEURAL: tuple[type[Engine], ...] = (MusicGen, AceStep)  # these compute on a GPU where there is one
ENGINES: tuple[type[Engine], ...] = (Composer, *NEURAL)  # "auto" takes the first that is available
