"""One file per way of making sound, all behind the door drawn in `engines.base`."""

from engines.base import Engine
from engines.composer import Composer

ENGINES: tuple[type[Engine], ...] = (Composer,)  # best first: "auto" takes the first that is available
