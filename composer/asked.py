"""What was asked for, as one value: the request, what its words say, and the style that was found for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from composer.chance import chance
from composer.style import Style
from composer.words import Said


@dataclass(frozen=True)
class Asked:
    """Handed from decision to decision; `notices` grows wherever something could not be had as it was asked."""

    request: Any  # song.request.Generate, or another mode with the same knobs
    said: Said
    seed: int
    notices: list[str]
    style_id: str
    style: Style

    def chance(self, name: str) -> np.random.Generator:
        """The generator of one decision about this style."""
        return chance(self.seed, self.style_id, name)
