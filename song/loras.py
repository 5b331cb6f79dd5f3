"""LoRAs as people ask for them: "erhu:0.8, choir". Each has a name and a strength; a strength left out is 1."""

import re
from collections.abc import Iterable
from typing import NamedTuple

STRONGEST = 1.5
MOST = 8  # at once
_ITEM = re.compile(r"\s*([^:,;\s]{1,80})\s*(?::\s*(\d{1,2}(?:\.\d{0,4})?|\.\d{1,4}))?\s*")


class Wanted(NamedTuple):
    """One LoRA by its name on the shelf; `strength` 0-1.5, where 0 leaves it out."""

    name: str
    strength: float


def parse(text: str) -> tuple[Wanted, ...]:
    """What is asked for, in the order it was said; empty text asks for none. Raises ValueError."""
    found = tuple(_item(item) for item in re.split(r"[,;\n]", text) if item.strip())
    names = [one.name for one in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f'"{twice}" is named twice; name it once, with the strength it should have')
    if len(found) > MOST:
        raise ValueError(f"names {len(found)} LoRAs; at most {MOST} work at once")
    return found


def written(wanted: Iterable[Wanted]) -> str:
    """The inverse of `parse`."""
    return ", ".join(f"{one.name}:{one.strength:g}" for one in wanted)


def _item(item: str) -> Wanted:
    match = _ITEM.fullmatch(item)
    if not match:
        raise ValueError(f'"{item.strip()[:60]}" cannot be read; write it like "name:0.8"')
    strength = 1.0 if match[2] is None else float(match[2])
    if strength > STRONGEST:
        raise ValueError(f'"{item.strip()[:60]}" is too strong; strengths go from 0 to {STRONGEST:g}')
    return Wanted(match[1], strength)
