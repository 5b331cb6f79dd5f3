"""Part, Ledger: what made a take, under which licences, and whether that lets anybody sell it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Sell = Literal["yes", "no", "unknown"]
ANSWERS: tuple[Sell, ...] = ("yes", "no", "unknown")


class Part(BaseModel):
    """Something that a take was made with or from. `licence` is "" where none is known, `why` one clause."""

    model_config = ConfigDict(frozen=True)

    kind: str  # engine, checkpoint, planner, LoRA, SoundFont, voice, writer, original
    name: str
    licence: str
    sell: Sell
    why: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + f" ({self.licence})" * bool(self.licence)


class Ledger(BaseModel):
    """May it be sold? The worst answer of its parts, and a sentence that says why. No part is the user's own words."""

    model_config = ConfigDict(frozen=True)

    sell: Sell
    reason: str
    parts: tuple[Part, ...] = ()

    @property
    def made_with(self) -> str:
        return "Made with " + ", ".join(map(str, self.parts)) + "."
