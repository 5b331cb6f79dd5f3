"""Score -> stems: every track played dry, side by side, by our own instruments or by a SoundFont.

A stem is float32 (2, frames) at 48 kHz. What a stem sounds like depends on the score, the plan and its seed alone:
not on threads, not on the other tracks, and in a track not on notes elsewhere.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from composer.chance import chance
from composer.crew import together
from composer.form import letter
from composer.synth import drums, voices
from composer.synth.chain import apply
from composer.synth.flavour import flavoured
from composer.synth.patches import PATCHES, Bars, Layer, Patch, floats, table
from composer.synth.soundfont import SoundFont
from composer.synth.textures import Texture, texture
from composer.voice import singer
from composer.voice.sing import sing
from song.audio import SAMPLE_RATE
from song.progress import Progress, silent
from song.score import Note, Score, Track

if TYPE_CHECKING:
    from composer.plan import Plan

_FALLBACKS = {
    "drums": "house",
    "bass": "bass_finger",
    "chords": "piano",
    "pad": "pad_warm",
    "lead": "lead_soft",
    "arp": "pluck",
    "counter": "strings",
    "texture": "texture_tape",
}
_LEGATO = 0.02  # seconds: notes nearer than this touch, and a mono patch slides


def render(
    score: Score, plan: "Plan", font: SoundFont | None = None, progress: Progress = silent, threads: int | None = None
) -> dict[str, np.ndarray]:
    """Every track as a dry stem, by role: {role: (2, frames)}, frames = round(plan.duration * 48000)."""
    frames = round(plan.duration * SAMPLE_RATE)
    light = _light(plan, frames)
    tracks: dict[str, list[Track]] = {}
    for track in score.tracks:
        tracks.setdefault(track.role, []).append(track)
    stems = {role: np.zeros((2, frames), np.float32) for role in tracks}

    def play(role: str) -> None:  # one thread to a stem: sums must not depend on who comes first
        _play(stems[role], tracks[role][0], score, plan, font, light)
        for track in tracks[role][1:]:
            another = np.zeros((2, frames), np.float32)
            _play(another, track, score, plan, font, light)
            stems[role] += another

    # Heaviest first, so that no long track is left to run alone at the end.
    order = sorted(tracks, key=lambda role: -sum(min(note.duration, 8) + 1 for t in tracks[role] for note in t.notes))
    together(play, order, progress, "Playing the instruments", threads)
    return stems


def players(score: Score, plan: "Plan", font: SoundFont | None = None) -> dict[str, str]:
    """Who plays each role: the SoundFont's file name, or our own patch."""
    return {
        track.role: font.name if font and _sampled(track, plan, font) else _patch_name(track) for track in score.tracks
    }


def _sampled(track: Track, plan: "Plan", font: SoundFont | None) -> bool:
    part = plan.band.get(track.role)
    return font is not None and part is not None and part.sampled and font.has(track.program, track.drums)


def _patch_name(track: Track) -> str:
    known = drums.KITS if track.drums else PATCHES
    if track.patch.startswith("voice_"):
        return singer()[0].name
    return track.patch if track.patch in known else _FALLBACKS.get(track.role, "house" if track.drums else "piano")


def _play(
    stem: np.ndarray, track: Track, score: Score, plan: "Plan", font: SoundFont | None, light: np.ndarray
) -> None:
    notes = [note for note in track.notes if 0 <= score.seconds(note.start) < plan.duration]
    seed = int(chance(plan.seed, track.role, "sound").integers(1 << 30))
    flavour = plan.band[track.role].flavour if track.role in plan.band else None
    if track.patch.startswith("voice_"):
        sing(stem, track, score, plan.seed, singer()[0], _choruses(plan))
    elif font is not None and _sampled(track, plan, font):
        own = [note for note in notes if track.drums and note.pitch not in range(34, 82)]
        heard = [note for note in notes if note not in own]
        font.render(stem, heard, score.bpm, track.program, track.drums, flavour)
        drums.render(stem, own, score.bpm, _patch_name(track), seed)  # risers and the like are no GM sounds
    elif track.drums:
        drums.render(stem, notes, score.bpm, _patch_name(track), seed, flavour, plan.seed)
    else:
        patch = flavoured(PATCHES[_patch_name(track)], flavour)
        rows = _rows(notes, score.bpm, patch, seed)
        for layer in patch.layers:
            sound(stem, rows, in_step(layer, score.bpm), light)
        apply(stem, patch.chain, score.bpm)


def _choruses(plan: "Plan") -> list[tuple[float, float]]:
    """Where the voice is doubled, in beats."""
    bar = plan.beats_per_bar
    return [(one.start * bar, (one.start + one.bars) * bar) for one in plan.sections if letter(one) == "B"]


def in_step(layer: Layer, bpm: float) -> Layer:
    """The layer, its wobble in hertz."""
    if isinstance(layer, voices.Analogue) and layer.lfo_beats:
        return layer._replace(lfo_rate=layer.lfo_beats * bpm / 60, lfo_beats=0.0)
    return layer


def sound(stem: np.ndarray, rows: np.ndarray, layer: Layer, light: np.ndarray) -> None:
    """Adds one layer of a patch to a stem; `rows` as in `voices`."""
    if isinstance(layer, voices.Analogue):
        voices.analogue(stem, rows, floats(layer), light)
    elif isinstance(layer, voices.Fm):
        voices.fm(stem, rows, floats(layer))
    elif isinstance(layer, Bars):
        voices.modal(stem, rows, floats(layer.voice), table(layer.partials))
    elif isinstance(layer, voices.Plucked):
        voices.plucked(stem, rows, floats(layer))
    elif isinstance(layer, Texture):
        texture(stem, rows, floats(layer))


def _rows(notes: list[Note], bpm: float, patch: Patch, seed: int) -> np.ndarray:
    """What the kernels read, (notes, 6); a mono patch ends each note where the next begins."""
    beat = 60 / bpm
    rows = np.zeros((len(notes), 6))
    order = sorted(notes, key=lambda note: (note.start, note.pitch))
    for row, note in zip(rows, order, strict=True):
        row[voices.START] = round(note.start * beat * SAMPLE_RATE)
        row[voices.LENGTH] = max(480, round(note.duration * beat * SAMPLE_RATE))
        row[voices.HERTZ] = 440 * 2 ** ((note.pitch - 69) / 12)
        row[voices.VELOCITY] = min(1.0, max(0.02, note.velocity / 127))
        row[voices.SEED] = (round(note.start * 480) * 7919 + note.pitch * 104_729 + seed) * 2_654_435_761 % 2**31
    if patch.mono:
        for row, after in pairwise(rows):
            until = after[voices.START] - row[voices.START]
            if row[voices.LENGTH] >= until - _LEGATO * SAMPLE_RATE:
                row[voices.LENGTH] = max(240, until)
                after[voices.FROM_HERTZ] = row[voices.HERTZ]
    return rows


def _light(plan: "Plan", frames: int) -> np.ndarray:
    """Octaves by which the sections open (+) or close (-) the filters, one value per voices.LIGHT frames.

    Energy opens; a build opens as it goes; every section opens a little towards its end, so that no loop stands still.
    """
    light = np.zeros(frames // voices.LIGHT + 2)
    where = np.arange(len(light)) * voices.LIGHT / SAMPLE_RATE / plan.bar_seconds
    for section in plan.sections:
        inside = (where >= section.start) & (where < section.start + section.bars)
        through = (where[inside] - section.start) / max(1, section.bars)
        light[inside] = 0.9 * (section.energy - 0.65) + 0.2 * through
        if section.name.lower().startswith(("build", "riser", "pre")):
            light[inside] += -0.7 + 1.3 * through**1.5
    smooth = np.hanning(33)
    return np.convolve(np.pad(light, 16, mode="edge"), smooth / smooth.sum(), "valid")
