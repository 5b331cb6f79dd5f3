"""Plans and scores for tests that read notes."""

import functools
import hashlib
from dataclasses import replace
from typing import Any

from composer.arrange import compose
from composer.plan import Plan, plan
from song.request import Generate
from song.score import Score, Track

METERS = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8")


def planned(style: str, seed: int = 1, duration: float = 30, **knobs: Any) -> Plan:
    return plan(Generate(prompt="music", style=style, seed=seed, duration=duration, **knobs))


def at_home(song: Plan) -> Plan:
    """The song without its key changes."""
    return replace(song, sections=tuple(replace(section, shift=0) for section in song.sections))


@functools.cache
def composed(style: str, seed: int = 1, duration: float = 30, **knobs: Any) -> Score:
    return compose(planned(style, seed, duration, **knobs))


def track(score: Score, role: str) -> Track | None:
    return next((one for one in score.tracks if one.role == role), None)


def pitched(score: Score) -> list[Track]:
    return [one for one in score.tracks if not one.drums and not one.role.startswith("texture")]


def digest(score: Score) -> str:
    """Pitches and written starts of all parts: what must not change by accident."""
    lines = [f"{one.role} {note.pitch} {note.start:.2f}" for one in score.tracks for note in one.notes]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def count(score: Score) -> int:
    """Notes of all parts."""
    return sum(len(one.notes) for one in score.tracks)
