"""A game pack as sound, and the sheet that says when to play what.

Everything is brought to its level by one gain for all: layers are added up while they run, so a limiter would change
what the sum is. The gain leaves the true peak of every stack, and of every transition that rings into what follows it,
below `CEILING_DBTP`; the full stack then lies at `TARGET_LUFS`, or as far below as its peaks ask for.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, combinations
from typing import Any

import numpy as np

import dsp
from composer import loop, pack
from composer.loop import Bars
from composer.mix import mixed
from composer.pack import LAYERS, Passage
from composer.plan import Plan
from composer.synth import SoundFont, render
from song.audio import SAMPLE_RATE, Audio
from song.progress import Progress, part
from song.score import Score

TARGET_LUFS = -20.0  # between what is said of living rooms (-24) and of phones (-18): Sony's ASWG-R001, 2013
CEILING_DBTP = -1.3  # as a meter with another filter may read 0.3 dB more
FORM = "studio game pack 1"
HOW = (
    "Start all layers of a stack on the same sample, loop them, and fade layers in and out on barlines. Start a "
    "transition or a stinger on a barline and stop the loops there; what follows a transition starts at its next_at, "
    "while its end rings on."
)


@dataclass(frozen=True, eq=False)
class Pack:
    """Loops by layer, all of one length, and passages by name, in 48 kHz stereo; loudness of the full stack in LUFS,
    the highest true peak of any stack in dBTP."""

    layers: dict[str, Audio]
    passages: dict[str, Audio]
    lufs: float
    true_peak_dbtp: float


def sounded(plan: Plan, score: Score, span: Bars, font: SoundFont | None, progress: Progress) -> Pack:
    """The pack of a theme. Raises CannotMake where too few play in it."""
    groups = pack.layers(plan, score, span)
    ways = list(pack.passages(plan, score, span))
    layers = _layers(plan, score, span, groups, font, part(progress, 0.0, 0.5))
    passages: dict[str, np.ndarray] = {}
    for place, one in enumerate(ways):
        passages[one.name] = _passage(one, font, part(progress, 0.5 + 0.12 * place, 0.62 + 0.12 * place))
    progress(0.98, "Levelling")
    whole = _sum(layers.values())
    lufs = dsp.loudness(whole, SAMPLE_RATE)
    peak = max(dsp.true_peak(sound, SAMPLE_RATE) for sound in _heard_together(layers, passages, ways))
    gain = min(TARGET_LUFS - lufs, CEILING_DBTP - peak)
    factor = np.float32(10 ** (gain / 20))
    levelled = [{name: Audio(sound * factor) for name, sound in some.items()} for some in (layers, passages)]
    return Pack(levelled[0], levelled[1], round(lufs + gain, 2), round(peak + gain, 2))


def _layers(
    plan: Plan, score: Score, span: Bars, groups: dict[str, tuple[str, ...]], font: SoundFont | None, progress: Progress
) -> dict[str, np.ndarray]:
    """Each layer with a room of its own, cut as a loop."""
    over, again = loop.repeated(plan, score, span)
    stems = render(again, over, font, part(progress, 0.0, 0.7))
    found = {}
    for place, (name, roles) in enumerate(groups.items()):
        mine = {role: stems[role] for role in roles if role in stems}
        _, mix = mixed(mine, again, over, part(progress, 0.7 + 0.1 * place, 0.8 + 0.1 * place))
        found[name] = loop.cut(Audio(mix), over, span).samples
    return found


def _passage(one: Passage, font: SoundFont | None, progress: Progress) -> np.ndarray:
    """From its first bar to where it has rung out, which fades at the very end."""
    stems = render(one.score, one.plan, font, part(progress, 0.0, 0.8))
    _, mix = mixed(stems, one.score, one.plan, part(progress, 0.8, 1.0))
    return np.ascontiguousarray(mix[:, frames_of(one.plan, one.first) :])


def frames_of(plan: Plan, bars: int) -> int:
    """Where a barline lies, to the nearest sample."""
    return round(bars * plan.bar_seconds * SAMPLE_RATE)


def _heard_together(
    layers: dict[str, np.ndarray], passages: dict[str, np.ndarray], ways: list[Passage]
) -> Iterator[np.ndarray]:
    """All that a game may play at once: any of the layers, passages, a transition's end over the stack it leads to."""
    for count in range(1, len(layers) + 1):
        yield from map(_sum, combinations(layers.values(), count))
    yield from passages.values()
    stacks = dict(zip(layers, accumulate(layers.values()), strict=True))
    for one, goal in zip(ways, ("full", "calm"), strict=False):
        ring = passages[one.name][:, frames_of(one.plan, one.bars) :]
        under = np.tile(stacks[goal], math.ceil(ring.shape[1] / stacks[goal].shape[1]))[:, : ring.shape[1]]
        yield ring + under


def _sum(sounds: Iterable[np.ndarray]) -> np.ndarray:
    return np.asarray(sum(sounds), np.float32)


def file_of(name: str) -> str:
    """What a layer or a passage is called in the zip."""
    if name in LAYERS:
        return f"layer-{LAYERS.index(name) + 1}-{name}.wav"
    return f"{'transition' if name in ('up', 'down') else 'stinger'}-{name}.wav"


def cues(plan: Plan, score: Score, span: Bars, made: Pack) -> dict[str, Any]:
    """The cue sheet as plain JSON; places in samples from a file's start, ends exclusive, bars and beats from 1."""
    groups, ways = pack.layers(plan, score, span), {one.name: one for one in pack.passages(plan, score, span)}
    frames, bar = made.layers[LAYERS[0]].frames, plan.beats_per_bar
    names = {role: part.name for role, part in plan.band.items()}
    start = span.first * bar
    files = {name: file_of(name) for name in (*LAYERS, *ways)}

    def length(name: str) -> dict[str, Any]:
        return {"file": files[name], "samples": made.passages[name].frames, "bars": ways[name].bars}

    return {
        "form": FORM,
        "key": str(pack.key_of(plan, span)),
        "bpm": plan.bpm,
        "meter": list(plan.meter),
        "bars": span.count,
        "sample_rate": SAMPLE_RATE,
        "samples": frames,
        "bar_samples": round(plan.bar_seconds * SAMPLE_RATE, 6),
        "barlines": [frames_of(plan, place) for place in range(span.count)],
        "lufs": made.lufs,
        "true_peak_dbtp": made.true_peak_dbtp,
        "chords": [
            {"bar": int((one.start - start) // bar) + 1, "beat": round((one.start - start) % bar + 1, 3),
             "symbol": one.symbol}
            for one in score.chords
            if start - 1e-6 <= one.start < start + span.count * bar - 1e-6
        ],
        "layers": [
            {"file": files[name], "intensity": place, "loop_start": 0, "loop_end": frames,
             "players": [names.get(role, role) for role in groups[name]],
             "seam_db": loop.seam_db(made.layers[name]) if np.abs(made.layers[name].samples).max() > 0 else 0.0}
            for place, name in enumerate(LAYERS, 1)
        ],
        "stacks": [[files[name] for name in LAYERS[: place + 1]] for place in range(len(LAYERS))],
        "transitions": [
            length(name) | {"from": there, "to": goal, "next_at": frames_of(plan, ways[name].bars)}
            for name, there, goal in (("up", 1, 3), ("down", 3, 1))
        ],
        "stingers": [
            length(name) | {"tonic_at": frames_of(plan, 1), "ends_on": ways[name].score.chords[-1].symbol}
            for name in ("win", "lose")
        ],
        "how": HOW,
    }  # fmt: skip
